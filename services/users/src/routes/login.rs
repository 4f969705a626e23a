//! `POST /auth/login`. Original: `AuthController.login`, which answered 404, 401 and 409 and so told who has an account.

use axum::Json;
use axum::extract::State as App;
use axum::response::AppendHeaders;
use http::header::{HeaderName, SET_COOKIE};
use mall_problem::{Answer, Body, FieldErrors, Lang};
use mall_types::Role;
use serde::{Deserialize, Serialize};

use super::cookie;
use crate::{State, app, messages};

/// Who.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    #[schema(value_type = String)]
    email: Option<String>,
    #[schema(value_type = String)]
    password: Option<String>,
}

/// The access token; the refresh token comes as a cookie.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Token {
    access_token: String,
    roles: Role,
    /// Always `200 OK`.
    http_status: &'static str,
    message: String,
    /// Always `Bearer`.
    token_type: &'static str,
}

/// Logs in.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "auth",
    request_body = Credentials,
    responses(
        (status = 200, body = Token, headers(("Set-Cookie" = String, description = "refresh_token"))),
        (status = 400, description = "A field is absent"),
        (status = 401, description = "LOGIN_FAILED, EMAIL_NOT_VERIFIED"),
        (status = 503, description = "BUSY, SESSION_STORE_UNAVAILABLE"),
    ),
)]
pub async fn login(
    App(state): App<State>,
    lang: Lang,
    Body(request): Body<Credentials>,
) -> Answer<(AppendHeaders<[(HeaderName, String); 1]>, Json<Token>)> {
    let mut errors = FieldErrors::new();
    let email = errors.required("email", request.email);
    let password = errors.required("password", request.password);
    let (Some(email), Some(password)) = (email, password) else {
        return Err(errors.problem());
    };
    let logged_in = app::log_in(&state, &email, password).await?;
    let cookie = cookie::set(&logged_in.refresh_token, state.secure_cookies);
    let token = Token {
        access_token: logged_in.access_token,
        roles: logged_in.role,
        http_status: "200 OK",
        message: messages::LOGGED_IN.pick(lang).to_owned(),
        token_type: "Bearer",
    };
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Json(token)))
}
