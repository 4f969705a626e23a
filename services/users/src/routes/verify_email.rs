//! `GET /auth/signup/email-verifications?key=`: the link of the mail. Original: `AuthController.verifyEmail`. A key works
//! once; a mail program that only looks (`HEAD`) uses nothing up.

use axum::Json;
use axum::extract::State as App;
use http::Method;
use mall_problem::{Answer, Done, FieldErrors, Lang, Query, done};
use serde::Deserialize;

use crate::{State, app, messages};

/// The parameter.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyParam {
    /// From the mail.
    #[param(value_type = String)]
    key: Option<String>,
}

/// Verifies an e-mail address.
#[utoipa::path(
    get,
    path = "/auth/signup/email-verifications",
    tag = "auth",
    params(KeyParam),
    responses(
        (status = 200, body = Done),
        (status = 400, description = "No `key`"),
        (status = 401, description = "VERIFICATION_FAILED: unknown, used, or expired"),
    ),
)]
pub async fn verify_email(
    App(state): App<State>,
    method: Method,
    lang: Lang,
    Query(params): Query<KeyParam>,
) -> Answer<Json<Done>> {
    let Some(key) = params.key else {
        let mut errors = FieldErrors::new();
        errors.check(false, "key", messages::KEY_MISSING);
        return Err(errors.problem());
    };
    if method != Method::HEAD {
        app::verify_email(&state, &key).await?;
    }
    Ok(done(lang, &messages::VERIFIED))
}
