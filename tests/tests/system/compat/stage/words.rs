//! The words of a request: what stands in the recorded one's place.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use mall_system_tests::PASSWORD;
use serde_json::{Value, json};

use super::super::exchange::Exchange;

/// A token that claims to need no signature.
pub fn unsigned(claims: &Value) -> String {
    format!(
        "{}.{}.",
        B64.encode(r#"{"alg":"none"}"#),
        B64.encode(claims.to_string())
    )
}

/// A token with another signature.
pub fn tampered(token: &str) -> String {
    let last = if token.ends_with('A') { "B" } else { "A" };
    // The last letter carries bits that don't count; the one before it does.
    let end = token.len() - 2;
    let mut tampered = token.to_owned();
    tampered.replace_range(end..=end, last);
    tampered
}

/// The path with `id` in place of its number, unless that stands for an unknown one.
pub fn with_id(path: &str, id: i64) -> String {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            if segment.parse::<i64>().is_ok() {
                id.to_string()
            } else {
                segment.to_owned()
            }
        })
        .collect();
    let path = segments.join("/");
    query.map_or(path.clone(), |query| format!("{path}?{query}"))
}

pub fn with_product(body: Option<Value>, product: i64) -> Option<Value> {
    let mut body = body?;
    body["productId"] = json!(product);
    Some(body)
}

/// Puts the person of this run in place of the recorded one; addresses that the exchange is about stay.
pub fn put_email(body: &mut Value, email: &str, exchange: &Exchange) {
    let recorded = body
        .get("email")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let about = [
        "",
        "nope",
        "a@b",
        "nobody@mall.example",
        "none@mall.example",
        "admin@mall.example",
    ];
    if !recorded.is_empty() && !about.contains(&recorded.as_str()) {
        body["email"] = json!(email);
    }
    if exchange.path == "/auth/login"
        && body.get("password").and_then(Value::as_str) == Some("Abcdefg1!")
    {
        body["password"] = json!(PASSWORD);
    }
}
