//! `PUT /user/mypage/update`: changes what is given. Original: `UserController.updateMypage`. Idempotent. A new password
//! ends the caller's other sessions.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Body, Done, FieldErrors, Lang, done};
use serde::Deserialize;

use super::fields::{check_password, check_phone, check_text};
use crate::app::ProfileChange;
use crate::{State, app, messages};

/// What is to change; absent and null stay.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Update {
    address: Option<String>,
    phone_num: Option<String>,
    password: Option<String>,
}

/// Changes the caller's account.
#[utoipa::path(
    put,
    path = "/user/mypage/update",
    tag = "users",
    request_body = Update,
    responses(
        (status = 200, body = Done),
        (status = 400, description = "INVALID_FIELDS with every bad field"),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 404, description = "USER_NOT_FOUND"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn mypage_update(
    App(state): App<State>,
    Shopper(shopper): Shopper,
    lang: Lang,
    keyed: Keyed,
    Body(request): Body<Update>,
) -> Answer<Json<Done>> {
    let mut errors = FieldErrors::new();
    check_text(&mut errors, "address", request.address.as_deref());
    check_phone(&mut errors, request.phone_num.as_deref());
    if let Some(password) = &request.password {
        check_password(&mut errors, password, state.passwords.max_length());
    }
    errors.finish()?;
    let Update {
        address,
        phone_num,
        password,
    } = request;
    let change = ProfileChange {
        address,
        phone_num,
        password,
    };
    let answer = done(lang, &messages::PROFILE_UPDATED);
    app::update_profile(&state, &shopper, change, keyed, &answer).await?;
    Ok(answer)
}
