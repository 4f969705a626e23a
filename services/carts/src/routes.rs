//! The route table.

mod add;
mod count;
mod delete;
mod get_cart;
mod internal;
mod update;

use mall_idempotency::{KeySettings, Keys};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;

/// Every endpoint of the service.
pub fn router(state: State) -> OpenApiRouter {
    let keys = keys(&state);
    let routes = OpenApiRouter::new()
        .routes(routes!(add::add))
        .routes(routes!(delete::delete))
        .routes(routes!(update::update))
        .routes(routes!(get_cart::get_cart))
        .routes(routes!(internal::lines::lines))
        .routes(routes!(internal::remove::remove))
        .with_state(state);
    mall_idempotency::layer(routes, keys)
}

/// The idempotency keys of shoppers.
pub(crate) fn keys(state: &State) -> Keys {
    Keys::new(
        state.db.clone(),
        state.clock.clone(),
        KeySettings::default(),
    )
}
