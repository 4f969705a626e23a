//! `POST /auth/logout`: the session ends, and its access token with it. Original: `AuthController.logout`, after which the
//! token still worked, and which refused admins. Idempotent.

use axum::Json;
use axum::extract::State as App;
use axum::response::AppendHeaders;
use http::header::{HeaderName, SET_COOKIE};
use mall_auth::Caller;
use mall_problem::{Answer, Done, Lang, done};

use super::cookie;
use crate::{State, app, messages};

/// Logs out.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "auth",
    responses((status = 200, body = Done), (status = 401, description = "Not logged in")),
    security(("bearer" = ["USER", "ADMIN"])),
)]
pub async fn logout(
    App(state): App<State>,
    Caller(caller): Caller,
    lang: Lang,
) -> Answer<(AppendHeaders<[(HeaderName, String); 1]>, Json<Done>)> {
    app::log_out(&state, caller.user, &caller.session).await?;
    let cookie = cookie::clear(state.secure_cookies);
    Ok((
        AppendHeaders([(SET_COOKIE, cookie)]),
        done(lang, &messages::LOGGED_OUT),
    ))
}
