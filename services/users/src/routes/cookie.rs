//! The cookie of the refresh token.

use http::HeaderMap;
use http::header::COOKIE;

const NAME: &str = "refresh_token";

/// `Set-Cookie` for a new token. The browser sends it to `/auth` only, no script reads it, and it lives as long as the
/// browser; the token itself says until when it is good.
pub fn set(token: &str, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{NAME}={token}; HttpOnly; SameSite=Lax; Path=/auth{secure}")
}

/// `Set-Cookie` that removes it.
pub fn clear(secure: bool) -> String {
    format!("{}; Max-Age=0", set("", secure))
}

/// The token that a request brings.
pub fn read(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| {
            let (name, value) = cookie.trim().split_once('=')?;
            (name == NAME).then_some(value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes() {
        assert_eq!(
            set("t", false),
            "refresh_token=t; HttpOnly; SameSite=Lax; Path=/auth"
        );
        assert_eq!(
            set("t", true),
            "refresh_token=t; HttpOnly; SameSite=Lax; Path=/auth; Secure"
        );
        assert_eq!(
            clear(false),
            "refresh_token=; HttpOnly; SameSite=Lax; Path=/auth; Max-Age=0"
        );
    }

    #[test]
    fn found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(read(&headers), None);
        headers.append(COOKIE, "a=1; xrefresh_token=no".parse().unwrap());
        assert_eq!(read(&headers), None);
        headers.append(
            COOKIE,
            "b=2;refresh_token=the.token.x=; c=3".parse().unwrap(),
        );
        assert_eq!(read(&headers), Some("the.token.x="));
    }
}
