//! `/{name}-{profiles}.yml` and its siblings: all sources as one file.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{StatusCode, Uri};

use crate::error::boot_error;
use crate::merged::render;
use crate::request::{Format, Wanted};
use crate::state::State;

/// Settings merged into one file; also `.yaml`, `.properties` and `.json`, and `/{label}/...` in front.
#[utoipa::path(
    get,
    path = "/{name}-{profiles}.yml",
    tag = "config",
    params(
        ("name" = String, Path, description = "application; the last dash ends it"),
        ("profiles" = String, Path, description = "profiles with commas"),
        ("resolvePlaceholders" = Option<bool>, Query, description = "whether `${key}` is replaced; by default it is")
    ),
    responses(
        (status = 200, description = "the file"),
        (status = 400, description = "placeholders in a circle")
    )
)]
#[allow(dead_code, reason = "only describes the route")]
pub(super) fn merged() {}

pub(super) async fn answer(state: &State, wanted: Wanted, format: Format, uri: &Uri) -> Response {
    let clock = &state.0.clock;
    let path = uri.path();
    let environment = match state.find(wanted).await {
        Ok(Some(environment)) => environment,
        Ok(None) => return boot_error(StatusCode::NOT_FOUND, path, clock),
        Err(error) => {
            tracing::error!(%error, "the store holds a file that cannot be read");
            return boot_error(StatusCode::INTERNAL_SERVER_ERROR, path, clock);
        }
    };
    let resolve = match parameter(uri, "resolvePlaceholders") {
        None | Some("true" | "") => true,
        Some("false") => false,
        Some(_) => return boot_error(StatusCode::BAD_REQUEST, path, clock),
    };
    let kind = match format {
        Format::Json => "application/json",
        Format::Yaml | Format::Properties => "text/plain",
    };
    match render(&environment, format, resolve) {
        Ok(text) => ([(CONTENT_TYPE, kind)], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, path, "cannot resolve");
            boot_error(StatusCode::BAD_REQUEST, path, clock)
        }
    }
}

fn parameter<'u>(uri: &'u Uri, name: &str) -> Option<&'u str> {
    uri.query()?
        .split('&')
        .find_map(|pair| match pair.split_once('=') {
            Some((key, value)) => (key == name).then_some(value),
            None => (pair == name).then_some(""),
        })
}
