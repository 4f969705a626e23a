//! The route table.

mod cookie;
mod fields;
mod login;
mod logout;
mod mypage;
mod mypage_update;
mod refresh;
mod resend_email;
mod signup;
mod verify_email;
mod wish_add;
mod wish_delete;
mod wish_list;

use mall_idempotency::{KeySettings, Keys};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;

/// Every endpoint of the service.
pub fn router(state: State) -> OpenApiRouter {
    let keys = keys(&state);
    let routes = OpenApiRouter::new()
        .routes(routes!(signup::signup))
        .routes(routes!(verify_email::verify_email))
        .routes(routes!(resend_email::resend_email))
        .routes(routes!(login::login))
        .routes(routes!(logout::logout))
        .routes(routes!(refresh::refresh))
        .routes(routes!(mypage::mypage))
        .routes(routes!(mypage_update::mypage_update))
        .routes(routes!(wish_add::wish_add))
        .routes(routes!(wish_delete::wish_delete))
        .routes(routes!(wish_list::wish_list))
        .with_state(state);
    mall_idempotency::layer(routes, keys)
}

/// The idempotency keys of shoppers and admins.
pub(crate) fn keys(state: &State) -> Keys {
    Keys::new(
        state.db.clone(),
        state.clock.clone(),
        KeySettings::default(),
    )
}
