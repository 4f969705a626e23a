//! `POST /auth/refresh`: a new access token and a new cookie for the old cookie, which is used up. Original:
//! `AuthController.refresh`, which took any token of ours and set no cookie.

use axum::Json;
use axum::extract::State as App;
use axum::response::AppendHeaders;
use http::HeaderMap;
use http::header::{HeaderName, SET_COOKIE};
use mall_problem::Answer;
use serde::Serialize;

use super::cookie;
use crate::error::Refusal;
use crate::{State, app};

/// The new access token.
#[derive(Serialize, utoipa::ToSchema)]
pub struct NewToken {
    access_token: String,
    /// Always `201 CREATED`, under the status 200, as in the original.
    http_status: &'static str,
}

/// Refreshes the access token.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "auth",
    params(("refresh_token" = String, Cookie, description = "From login or the last refresh")),
    responses(
        (status = 200, body = NewToken, headers(("Set-Cookie" = String, description = "refresh_token"))),
        (status = 400, description = "REFRESH_COOKIE_MISSING"),
        (status = 401, description = "REFRESH_REFUSED: bad, expired or used, or its session has ended"),
        (status = 409, description = "REFRESH_RACED: used a moment ago by another window, whose cookie is good"),
    ),
)]
pub async fn refresh(
    App(state): App<State>,
    headers: HeaderMap,
) -> Answer<(AppendHeaders<[(HeaderName, String); 1]>, Json<NewToken>)> {
    let Some(token) = cookie::read(&headers) else {
        return Err(Refusal::RefreshCookieMissing.into());
    };
    let refreshed = app::refresh(&state, token).await?;
    let cookie = cookie::set(&refreshed.refresh_token, state.secure_cookies);
    let token = NewToken {
        access_token: refreshed.access_token,
        http_status: "201 CREATED",
    };
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Json(token)))
}
