//! `/encrypt` and `/decrypt`, for the configured user only.

use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use mall_spring_config::Encryptor;
use mall_spring_config::cipher::strip_selectors;

use crate::error::{boot_error, key_error};
use crate::state::State;

const TEXT: &str = "text/plain;charset=UTF-8";

/// Encrypts the body; put `{cipher}` before the answer in a file. Also `/encrypt/{name}/{profiles}`.
#[utoipa::path(
    post,
    path = "/encrypt",
    tag = "config",
    request_body(content = String, content_type = "text/plain"),
    responses(
        (status = 200, description = "hexadecimal text"),
        (status = 401, description = "not the configured user"),
        (status = 403, description = "no user is configured"),
        (status = 404, description = "no key is configured")
    )
)]
#[allow(dead_code, reason = "only describes the route")]
pub(super) fn encrypt() {}

/// Decrypts the body. Also `/decrypt/{name}/{profiles}`.
#[utoipa::path(
    post,
    path = "/decrypt",
    tag = "config",
    request_body(content = String, content_type = "text/plain"),
    responses(
        (status = 200, description = "the plain text"),
        (status = 400, description = "not encrypted with this key"),
        (status = 401, description = "not the configured user"),
        (status = 403, description = "no user is configured"),
        (status = 404, description = "no key is configured")
    )
)]
#[allow(dead_code, reason = "only describes the route")]
pub(super) fn decrypt() {}

/// Whether there is a key.
#[utoipa::path(
    get,
    path = "/encrypt/status",
    tag = "config",
    responses((status = 200, description = "there is"), (status = 404, description = "there is not"))
)]
#[allow(dead_code, reason = "only describes the route")]
pub(super) fn encrypt_status() {}

pub(super) fn answer_status(state: &State) -> Response {
    match &state.0.encryptor {
        Some(_) => ([(CONTENT_TYPE, "application/json")], "{\"status\":\"OK\"}").into_response(),
        None => no_key(),
    }
}

pub(super) fn answer_encrypt(
    state: &State,
    headers: &HeaderMap,
    body: &[u8],
    path: &str,
) -> Response {
    with_text(state, headers, body, path, |encryptor, text| {
        answer_text(headers, encryptor.encrypt(strip_selectors(text)))
    })
}

pub(super) fn answer_decrypt(
    state: &State,
    headers: &HeaderMap,
    body: &[u8],
    path: &str,
) -> Response {
    with_text(
        state,
        headers,
        body,
        path,
        |encryptor, text| match encryptor.decrypt(strip_selectors(text)) {
            Ok(plain) => answer_text(headers, plain),
            Err(error) => {
                tracing::warn!(%error, "cannot decrypt");
                key_error(
                    StatusCode::BAD_REQUEST,
                    "INVALID",
                    "Text not encrypted with this key",
                )
            }
        },
    )
}

fn with_text(
    state: &State,
    headers: &HeaderMap,
    body: &[u8],
    path: &str,
    answer: impl FnOnce(&Encryptor, &str) -> Response,
) -> Response {
    let Some(encryptor) = &state.0.encryptor else {
        return no_key();
    };
    match text(headers, body) {
        Some(text) => answer(encryptor, &text),
        None => boot_error(StatusCode::BAD_REQUEST, path, &state.0.clock),
    }
}

/// The text that was sent. Without a type, or empty, it is none. Other types than plain text come from `curl -d`, which sends
/// a form: one `=` at the end is the form's, not the text's.
fn text(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let text = std::str::from_utf8(body)
        .ok()
        .filter(|text| !text.is_empty())?;
    let plain = kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/plain"));
    match text.strip_suffix('=') {
        Some(value) if !plain => decoded_form(value),
        _ => Some(text.to_owned()),
    }
}

fn decoded_form(text: &str) -> Option<String> {
    // A key without a value is how a form holds a bare text.
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text).ok()?;
    match pairs.as_slice() {
        [(key, value)] if value.is_empty() => Some(key.clone()),
        _ => Some(text.to_owned()),
    }
}

/// Plain text, or the same under the type that the client wants.
fn answer_text(headers: &HeaderMap, text: String) -> Response {
    let wanted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let kind = match wanted {
        Some("application/json") => "application/json",
        _ => TEXT,
    };
    ([(CONTENT_TYPE, HeaderValue::from_static(kind))], text).into_response()
}

fn no_key() -> Response {
    key_error(
        StatusCode::NOT_FOUND,
        "NO_KEY",
        "No key was installed for encryption service",
    )
}
