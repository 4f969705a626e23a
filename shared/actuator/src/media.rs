//! Content negotiation and the answers of all endpoints.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

pub(crate) const V3: &str = "application/vnd.spring-boot.actuator.v3+json";
pub(crate) const V2: &str = "application/vnd.spring-boot.actuator.v2+json";
pub(crate) const JSON: &str = "application/json";
const JSON_TYPES: [&str; 3] = [V3, V2, JSON];
const ACCEPTED: &str = "application/vnd.spring-boot.actuator.v3+json, application/vnd.spring-boot.actuator.v2+json, application/json";

pub(crate) const PROMETHEUS: &str = "text/plain;version=0.0.4;charset=utf-8";
pub(crate) const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0;charset=utf-8";

/// The caller wants none of our types: the 406.
pub(crate) struct NotAcceptable;

impl From<NotAcceptable> for Response {
    fn from(_: NotAcceptable) -> Response {
        let mut response = StatusCode::NOT_ACCEPTABLE.into_response();
        response
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        response
    }
}

/// The JSON type that the caller wants, the newest first.
pub(crate) fn json_type(headers: &HeaderMap) -> Result<&'static str, NotAcceptable> {
    choose(headers, &JSON_TYPES).ok_or(NotAcceptable)
}

/// The first offer that the best-liked range of `Accept` names.
pub(crate) fn choose(headers: &HeaderMap, offers: &[&'static str]) -> Option<&'static str> {
    let mut ranges: Vec<(String, f32)> = Vec::new();
    for value in headers.get_all(ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(Some(1.0), |q| q.trim().parse().ok());
            if let Some(quality) = quality.filter(|quality| *quality > 0.0 && !name.is_empty()) {
                ranges.push((name, quality));
            }
        }
    }
    if ranges.is_empty() && !headers.contains_key(ACCEPT) {
        return offers.first().copied();
    }
    // Stable: among equals the caller's order counts.
    ranges.sort_by(|one, two| two.1.total_cmp(&one.1));
    ranges
        .iter()
        .find_map(|(range, _)| offers.iter().find(|offer| matches(range, offer)).copied())
}

fn matches(range: &str, offer: &str) -> bool {
    let plain = offer.split(';').next().unwrap_or(offer);
    range == plain
        || range == "*/*"
        || range
            .strip_suffix("/*")
            .is_some_and(|kind| plain.split('/').next() == Some(kind))
}

pub(crate) fn json_answer(status: u16, content_type: &'static str, body: &Value) -> Response {
    text_answer(status, content_type, body.to_string())
}

pub(crate) fn text_answer(status: u16, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The error body of the actuator endpoints.
pub(crate) fn error_answer(status: StatusCode, path: &str) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    json_answer(
        status.as_u16(),
        JSON,
        &json!({"status": status.as_u16(), "error": reason, "path": path}),
    )
}

/// Spring marks answers whose last path segment has a dot, so that no browser takes them for a file of that type.
pub(crate) fn as_attachment_safe(mut response: Response, segment: &str) -> Response {
    if segment.contains('.') {
        response.headers_mut().insert(
            CONTENT_DISPOSITION,
            HeaderValue::from_static("inline;filename=f.txt"),
        );
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        choose(&headers, &JSON_TYPES)
    }

    #[test]
    fn the_caller_chooses() {
        assert_eq!(choose(&HeaderMap::new(), &JSON_TYPES), Some(V3));
        assert_eq!(chosen("*/*"), Some(V3));
        assert_eq!(chosen("application/*"), Some(V3));
        assert_eq!(chosen("application/json"), Some(JSON));
        assert_eq!(
            chosen("application/json;q=0.5, application/vnd.spring-boot.actuator.v2+json"),
            Some(V2)
        );
        assert_eq!(
            chosen("text/html, application/xhtml+xml, */*;q=0.8"),
            Some(V3)
        );
        assert_eq!(chosen("text/plain"), None);
        assert_eq!(chosen("application/json;q=0"), None);
    }

    #[test]
    fn a_real_scraper_gets_openmetrics() {
        let mut headers = HeaderMap::new();
        let accept = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        assert_eq!(
            choose(&headers, &[PROMETHEUS, OPENMETRICS]),
            Some(OPENMETRICS)
        );
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        assert_eq!(choose(&headers, &[PROMETHEUS, OPENMETRICS]), None);
    }
}
