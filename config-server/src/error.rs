//! Errors as Spring Boot writes them, which is what clients of a config server know.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use mall_clock::SharedClock;

use crate::json;
use crate::request::Refused;

/// `{"timestamp":..,"status":404,"error":"Not Found","path":"/as/requested"}`.
pub(crate) fn boot_error(status: StatusCode, path: &str, clock: &SharedClock) -> Response {
    let now = clock.now().format("%Y-%m-%dT%H:%M:%S%.3f+00:00");
    let mut body = format!(
        "{{\"timestamp\":\"{now}\",\"status\":{},\"error\":",
        status.as_u16()
    );
    json::text(&mut body, status.canonical_reason().unwrap_or_default());
    body.push_str(",\"path\":");
    json::text(&mut body, path);
    body.push('}');
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

pub(crate) fn refused(refused: Refused, path: &str, clock: &SharedClock) -> Response {
    match refused {
        Refused::NotFound => boot_error(StatusCode::NOT_FOUND, path, clock),
        Refused::BadRequest => boot_error(StatusCode::BAD_REQUEST, path, clock),
        Refused::Method(allowed) => {
            let mut response = boot_error(StatusCode::METHOD_NOT_ALLOWED, path, clock);
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(allowed));
            response
        }
    }
}

pub(crate) fn unauthorized(path: &str, clock: &SharedClock) -> Response {
    let mut response = boot_error(StatusCode::UNAUTHORIZED, path, clock);
    response.headers_mut().insert(
        WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"Realm\""),
    );
    response
}

/// What `/encrypt`, `/decrypt` and `/key` say when they can't.
pub(crate) fn key_error(status: StatusCode, word: &str, description: &str) -> Response {
    let mut body = String::from("{\"description\":");
    json::text(&mut body, description);
    body.push_str(",\"status\":");
    json::text(&mut body, word);
    body.push('}');
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
