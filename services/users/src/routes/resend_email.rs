//! `PUT /auth/resendEmail`: another verification mail. Original: `AuthController.resendEmail`, which told whether the
//! address has an account.

use axum::Json;
use axum::extract::State as App;
use mall_problem::{Answer, Body, Done, FieldErrors, Lang, done};
use serde::Deserialize;

use crate::{State, app, messages};

/// Where to.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Resend {
    #[schema(value_type = String)]
    email: Option<String>,
}

/// Asks for another verification mail.
#[utoipa::path(
    put,
    path = "/auth/resendEmail",
    tag = "auth",
    request_body = Resend,
    responses(
        (status = 200, body = Done, description = "For every address, with an account or without"),
        (status = 400, description = "No `email`"),
        (status = 429, description = "RATE_LIMITED: too many mails to this address, with an account or without"),
    ),
)]
pub async fn resend_email(
    App(state): App<State>,
    lang: Lang,
    Body(request): Body<Resend>,
) -> Answer<Json<Done>> {
    let mut errors = FieldErrors::new();
    let Some(email) = errors.required("email", request.email) else {
        return Err(errors.problem());
    };
    app::resend(&state, &email, lang).await?;
    Ok(done(lang, &messages::MAIL_SENT))
}
