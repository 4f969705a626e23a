//! Who may ask: one user with basic authentication, or everybody.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};

/// `spring.security.user.*`.
#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub password: SecretString,
}

impl Login {
    /// Whether the request carries this user and password, exactly once.
    pub fn admits(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(only), None) = (values.next(), values.next()) else {
            return false;
        };
        let expected = format!("{}:{}", self.user, self.password.expose_secret());
        only.to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
            .and_then(|(_, encoded)| BASE64_STANDARD.decode(encoded.trim()).ok())
            .is_some_and(|found| same(&found, expected.as_bytes()))
    }
}

/// Compares in a time that does not tell where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |sum, (x, y)| sum | (x ^ y)) == 0
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_this_user_and_password_once() {
        let login = Login {
            user: "config".into(),
            password: SecretString::from("pa:ss"),
        };
        let with = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            }
            login.admits(&headers)
        };
        let good = format!("Basic {}", BASE64_STANDARD.encode("config:pa:ss"));
        assert!(with(&[&good]));
        assert!(with(&[&good.replace("Basic", "basic")]));
        for bad in ["config:pa:s", "config:pa:sss", "confi:pa:ss", ":"] {
            assert!(!with(&[&format!("Basic {}", BASE64_STANDARD.encode(bad))]));
        }
        assert!(!with(&[]));
        assert!(!with(&["Basic ???"]));
        assert!(!with(&[&good.replace("Basic", "Bearer")]));
        assert!(!with(&[&good, &good]));
    }
}
