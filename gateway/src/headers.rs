//! Which headers pass, in both directions.
//!
//! What a client sends must never look like something that the gateway said: every name that could carry an identity or
//! an address is dropped on every route, guarded or not, before ours are added.

use http::header::{
    CACHE_CONTROL, CONNECTION, EXPIRES, HeaderMap, HeaderName, HeaderValue, PRAGMA,
    REFERRER_POLICY, SERVER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS, X_XSS_PROTECTION,
};

/// Names of one that speaks for the gateway, a proxy or another user, written with `-` and in lower case.
const FORGED: &[&str] = &[
    "forwarded",
    "x-token",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-original-method",
    "x-rewrite-url",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-request-deadline-ms",
];

const FORGED_PREFIXES: &[&str] = &["x-authorization", "x-mall-", "x-user-", "x-forwarded-"];

/// Whether a client may not send this header. `_` counts as `-`: some servers read both as one name.
pub fn is_forged(name: &str) -> bool {
    let same = |wanted: &str, given: &str| {
        wanted.len() == given.len() && wanted.bytes().zip(given.bytes()).all(|(w, g)| w == fold(g))
    };
    FORGED.iter().any(|forged| same(forged, name))
        || FORGED_PREFIXES.iter().any(|prefix| {
            name.get(..prefix.len())
                .is_some_and(|start| same(prefix, start))
        })
}

fn fold(byte: u8) -> u8 {
    if byte == b'_' {
        b'-'
    } else {
        byte.to_ascii_lowercase()
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == TE
        || *name == TRAILER
        || *name == TRANSFER_ENCODING
        || *name == UPGRADE
        || matches!(
            name.as_str(),
            "keep-alive"
                | "proxy-connection"
                | "proxy-authenticate"
                | "proxy-authorization"
                | "http2-settings"
        )
}

/// Names that a message's `Connection` header takes for this hop alone.
fn named_in_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect()
}

fn remove_where(
    headers: &mut HeaderMap,
    also: &[HeaderName],
    unwanted: impl Fn(&HeaderName) -> bool,
) {
    let doomed: Vec<HeaderName> = headers
        .keys()
        .filter(|name| unwanted(name) || also.contains(name))
        .cloned()
        .collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// Cleans a request's headers before the gateway adds its own.
pub fn clean_request(headers: &mut HeaderMap) {
    let named = named_in_connection(headers);
    remove_where(headers, &named, |name| {
        is_hop_by_hop(name)
            || is_forged(name.as_str())
            // Written anew for the hop to the service. `expect` was answered here already.
            || matches!(name.as_str(), "host" | "content-length" | "expect" | "traceparent" | "tracestate" | "baggage")
    });
}

/// Drops statements that only programs of ours may make, for what reads them before a request is routed.
pub fn clean_statements(headers: &mut HeaderMap) {
    for name in [
        mall_auth::IDENTITY_HEADER,
        mall_auth::SERVICE_HEADER,
        "x-request-deadline-ms",
    ] {
        headers.remove(name);
    }
}

/// Cleans an answer's headers: nothing of the inner hop, nothing about what runs inside.
pub fn clean_response(headers: &mut HeaderMap) {
    let named = named_in_connection(headers);
    remove_where(headers, &named, |name| {
        is_hop_by_hop(name)
            || *name == SERVER
            || *name == VIA
            || matches!(name.as_str(), "x-powered-by" | "traceparent" | "tracestate")
            || name.as_str().starts_with("x-mall-")
    });
}

/// The headers that every answer of the gateway carries, also its own errors.
pub fn secure(headers: &mut HeaderMap) {
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store, max-age=0, must-revalidate"),
    );
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(EXPIRES, HeaderValue::from_static("0"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_XSS_PROTECTION, HeaderValue::from_static("0"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        map
    }

    #[test]
    fn forged_names_in_every_spelling() {
        for name in [
            "x-authorization-id",
            "X-Authorization-Id",
            "x_authorization_id",
            "X_Authorization-ID",
            "x-authorization",
            "x-token",
            "X_TOKEN",
            "x-mall-identity",
            "x_mall_identity",
            "x-mall-service",
            "x-mall-anything",
            "x-user-id",
            "x_user_roles",
            "forwarded",
            "Forwarded",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-forwarded-prefix",
            "x-original-url",
            "X-Rewrite-Url",
            "x-real-ip",
            "x-request-deadline-ms",
            "x-http-method-override",
        ] {
            assert!(is_forged(name), "{name}");
        }
    }

    #[test]
    fn honest_names_pass() {
        for name in [
            "authorization",
            "cookie",
            "content-type",
            "accept",
            "accept-language",
            "idempotency-key",
            "x-requested-with",
            "x-tokens",
            "x-mall",
            "x-username",
            "user-agent",
        ] {
            assert!(!is_forged(name), "{name}");
        }
    }

    #[test]
    fn repeated_headers_and_those_named_in_connection_go() {
        let mut map = headers(&[
            ("x-authorization-id", "1"),
            ("x-authorization-id", "2"),
            ("x_token", "t"),
            ("connection", "close, X-Private"),
            ("connection", "x-mall-identity"),
            ("x-private", "p"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("host", "mall.example"),
            ("expect", "100-continue"),
            ("traceparent", "00-1-1-01"),
            ("cookie", "refresh_token=a"),
            ("idempotency-key", "k"),
            ("accept", "a"),
            ("accept", "b"),
        ]);
        clean_request(&mut map);
        let mut left: Vec<&str> = map.iter().map(|(name, _)| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "accept", "cookie", "idempotency-key"]);
    }

    #[test]
    fn answers_say_nothing_about_the_inside() {
        let mut map = headers(&[
            ("server", "x/1.0"),
            ("x-powered-by", "y"),
            ("via", "z"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("x-mall-instance", "a"),
            ("content-type", "application/json"),
            ("content-length", "2"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("allow", "GET"),
        ]);
        clean_response(&mut map);
        let mut left: Vec<&str> = map.iter().map(|(name, _)| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                "allow",
                "content-length",
                "content-type",
                "set-cookie",
                "set-cookie"
            ]
        );
    }

    #[test]
    fn security_headers_replace_what_was_there() {
        let mut map = headers(&[("cache-control", "max-age=60"), ("cache-control", "public")]);
        secure(&mut map);
        assert_eq!(map.get_all(CACHE_CONTROL).iter().count(), 1);
        assert_eq!(
            map[CACHE_CONTROL],
            "no-cache, no-store, max-age=0, must-revalidate"
        );
        assert_eq!(map["x-frame-options"], "DENY");
        assert_eq!(map.len(), 7);
    }
}
