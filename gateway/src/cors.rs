//! Browsers of other origins: refused as in the original, unless the settings list them.

use http::Method;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};

/// The allowed origins (`https://shop.example`), compared exactly.
#[derive(Debug, Default)]
pub struct Cors {
    allowed: Vec<HeaderValue>,
}

impl Cors {
    /// `Err` names the origin that no browser would ever send.
    pub fn new(origins: &[String]) -> Result<Self, String> {
        let allowed = origins.iter().map(|origin| {
            let is_origin = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"))
                .is_some_and(|host| !host.is_empty() && !host.contains(['/', '*', ' ']));
            match HeaderValue::from_str(origin) {
                Ok(value) if is_origin => Ok(value),
                _ => Err(format!("`{origin}` is no origin like https://shop.example")),
            }
        });
        Ok(Self {
            allowed: allowed.collect::<Result<_, _>>()?,
        })
    }

    /// Whether a request is the question a browser asks before the real one.
    pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
        method == Method::OPTIONS
            && headers.contains_key(ORIGIN)
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The origin of a request, if it may read the answers.
    pub fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        self.allowed
            .iter()
            .find(|allowed| *allowed == origin)
            .cloned()
    }

    /// What the answer to a preflight says.
    pub fn preflight_headers(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        answer.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET,HEAD,POST,PUT,DELETE,OPTIONS"),
        );
        if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }

    /// Lets the origin read an answer.
    pub fn open(&self, origin: HeaderValue, answer: &mut HeaderMap) {
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        answer.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("Retry-After, Idempotent-Replayed"),
        );
        answer.append(VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(origin: Option<&'static str>, method: Option<&'static str>) -> HeaderMap {
        let mut map = HeaderMap::new();
        if let Some(origin) = origin {
            map.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        if let Some(method) = method {
            map.insert(
                ACCESS_CONTROL_REQUEST_METHOD,
                HeaderValue::from_static(method),
            );
        }
        map
    }

    #[test]
    fn a_preflight_has_both_headers() {
        let shop = Some("https://shop.example");
        assert!(Cors::is_preflight(
            &Method::OPTIONS,
            &headers(shop, Some("POST"))
        ));
        assert!(!Cors::is_preflight(&Method::OPTIONS, &headers(shop, None)));
        assert!(!Cors::is_preflight(
            &Method::OPTIONS,
            &headers(None, Some("POST"))
        ));
        assert!(!Cors::is_preflight(
            &Method::POST,
            &headers(shop, Some("POST"))
        ));
    }

    #[test]
    fn origins_are_compared_exactly() {
        let cors = Cors::new(&["https://shop.example".to_owned()]).unwrap();
        assert!(
            cors.allowed_origin(&headers(Some("https://shop.example"), None))
                .is_some()
        );
        for other in [
            "https://shop.example.evil",
            "http://shop.example",
            "https://SHOP.example",
            "null",
            "*",
        ] {
            assert!(
                cors.allowed_origin(&headers(Some(other), None)).is_none(),
                "{other}"
            );
        }
        assert!(
            Cors::default()
                .allowed_origin(&headers(Some("https://shop.example"), None))
                .is_none()
        );
        for bad in [
            "*",
            "shop.example",
            "https://shop.example/",
            "https://*.example",
            "https://",
        ] {
            assert!(Cors::new(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
