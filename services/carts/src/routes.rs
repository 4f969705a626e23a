//! The route table.

mod add;
mod count;
mod delete;
mod get_cart;
mod internal;
mod update;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;

/// Every endpoint of the service.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(add::add))
        .routes(routes!(delete::delete))
        .routes(routes!(update::update))
        .routes(routes!(get_cart::get_cart))
        .routes(routes!(internal::lines::lines))
        .routes(routes!(internal::remove::remove))
        .with_state(state)
}
