//! What makes two requests the same.

use hmac::{Hmac, KeyInit, Mac};
use http::{Method, Uri};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::key::Key;

/// HMAC-SHA256 of method, path, query and body, keyed with the idempotency key.
///
/// The order of the query's parameters of different names, and the spacing and order of members of a JSON body don't
/// count. Headers don't count either.
pub(crate) fn fingerprint(key: &Key, method: &Method, uri: &Uri, body: &[u8]) -> [u8; 32] {
    // One block of the hash, which is what HMAC would make of it; another hash of the key than the table's.
    let mut block = [0; 64];
    block[..32].copy_from_slice(&Sha256::digest([b"fingerprint:", key.as_bytes()].concat()));
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in [
        method.as_str().as_bytes(),
        uri.path().as_bytes(),
        &query(uri.query().unwrap_or_default()),
        &canonical(body),
    ] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn query(text: &str) -> Vec<u8> {
    if text.is_empty() {
        return Vec::new();
    }
    match serde_urlencoded::from_str::<Vec<(String, String)>>(text) {
        Ok(mut pairs) => {
            // Stable: `a=1&a=2` is not `a=2&a=1`.
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            serde_json::to_vec(&pairs).unwrap_or_else(|_| text.as_bytes().to_vec())
        }
        Err(_) => text.as_bytes().to_vec(),
    }
}

/// JSON in one spelling; anything else as it is.
fn canonical(body: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<Value>(body) {
        Ok(mut value) => {
            value.sort_all_objects();
            serde_json::to_vec(&value).unwrap_or_else(|_| body.to_vec())
        }
        Err(_) => body.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn key(text: &'static str) -> Key {
        let mut headers = HeaderMap::new();
        headers.insert(crate::KEY_HEADER, HeaderValue::from_static(text));
        Key::of(&headers).unwrap().unwrap()
    }

    fn print(method: Method, uri: &str, body: &str) -> [u8; 32] {
        fingerprint(&key("k"), &method, &uri.parse().unwrap(), body.as_bytes())
    }

    #[test]
    fn spelling_does_not_count() {
        let one = print(Method::POST, "/a?x=1&y=2", r#"{"p":1,"q":[{"r":2,"s":3}]}"#);
        let two = print(
            Method::POST,
            "/a?y=2&x=1",
            "{ \"q\": [ {\"s\":3, \"r\":2} ],\n \"p\":1 }",
        );
        assert_eq!(one, two);
        assert_eq!(
            print(Method::PUT, "/a?x=%41", ""),
            print(Method::PUT, "/a?x=A", "")
        );
    }

    #[test]
    fn content_counts() {
        let prints = [
            print(Method::POST, "/a", r#"{"p":1}"#),
            print(Method::POST, "/a", r#"{"p":1.0}"#),
            print(Method::POST, "/a", r#"{"p":"1"}"#),
            print(Method::POST, "/a", r#"{"p":[1,2]}"#),
            print(Method::POST, "/a", r#"{"p":[2,1]}"#),
            print(Method::POST, "/a", r#"{"p":null}"#),
            print(Method::POST, "/a", "{}"),
            print(Method::POST, "/a", ""),
            print(Method::POST, "/a", "no json"),
            print(Method::PUT, "/a", r#"{"p":1}"#),
            print(Method::POST, "/a/", r#"{"p":1}"#),
            print(Method::POST, "/b", r#"{"p":1}"#),
            print(Method::POST, "/a?x=1", r#"{"p":1}"#),
            print(Method::POST, "/a?x=1&x=2", r#"{"p":1}"#),
            print(Method::POST, "/a?x=2&x=1", r#"{"p":1}"#),
            // Parts can't run into each other.
            print(Method::POST, "/ab", "c"),
            print(Method::POST, "/a", "bc"),
        ];
        for (i, one) in prints.iter().enumerate() {
            for (j, other) in prints.iter().enumerate() {
                assert_eq!(i == j, one == other, "{i} and {j}");
            }
        }
    }

    #[test]
    fn it_tells_nothing_without_the_key() {
        let uri = "/user/mypage/update".parse().unwrap();
        let body = br#"{"password":"hunter2"}"#;
        assert_ne!(
            fingerprint(&key("k1"), &Method::PUT, &uri, body),
            fingerprint(&key("k2"), &Method::PUT, &uri, body)
        );
    }
}
