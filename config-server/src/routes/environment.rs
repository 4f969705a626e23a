//! `/{name}/{profiles}` and `/{name}/{profiles}/{label}`: what Spring's client asks at start.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use mall_spring_config::environment::V2_TYPE;

use crate::environment::Version;
use crate::error::boot_error;
use crate::negotiation;
use crate::request::Wanted;
use crate::state::State;

/// Settings of an application for some profiles, strongest source first.
#[utoipa::path(
    get,
    path = "/{name}/{profiles}",
    tag = "config",
    params(
        ("name" = String, Path, description = "application, or several with commas"),
        ("profiles" = String, Path, description = "profiles with commas, the last the strongest; `default` for none")
    ),
    responses(
        (status = 200, description = "Environment; version 2 when Accept asks for it"),
        (status = 400, description = "a name that leads out of the store"),
        (status = 406, description = "Accept takes neither version")
    )
)]
#[allow(dead_code, reason = "only describes the route")]
pub(super) fn environment() {}

/// The same for a label.
#[utoipa::path(
    get,
    path = "/{name}/{profiles}/{label}",
    tag = "config",
    params(
        ("name" = String, Path, description = "application, or several with commas"),
        ("profiles" = String, Path, description = "profiles with commas"),
        ("label" = String, Path, description = "a folder of the store, `(_)` for a slash")
    ),
    responses((status = 200, description = "Environment"))
)]
#[allow(dead_code, reason = "only describes the route")]
pub(super) fn environment_of_label() {}

pub(super) async fn answer(
    state: &State,
    wanted: Wanted,
    headers: &HeaderMap,
    path: &str,
) -> Response {
    let clock = &state.0.clock;
    let Some(version) = negotiation::version(headers) else {
        return boot_error(StatusCode::NOT_ACCEPTABLE, path, clock);
    };
    match state.find(wanted).await {
        Ok(Some(environment)) => {
            let kind = match version {
                Version::One => "application/json",
                Version::Two => V2_TYPE,
            };
            ([(CONTENT_TYPE, kind)], environment.to_json(version)).into_response()
        }
        Ok(None) => boot_error(StatusCode::NOT_FOUND, path, clock),
        Err(error) => {
            tracing::error!(%error, "the store holds a file that cannot be read");
            boot_error(StatusCode::INTERNAL_SERVER_ERROR, path, clock)
        }
    }
}
