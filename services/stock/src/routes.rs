//! The route table.

mod detail_stock;
mod internal;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::SharedStock;

/// Every endpoint of the service.
pub fn router(stock: SharedStock) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(detail_stock::detail_stock))
        .routes(routes!(internal::register::register))
        .routes(routes!(internal::adjust::adjust))
        .routes(routes!(internal::available::available))
        .routes(routes!(internal::reserve::reserve))
        .routes(routes!(internal::release::release))
        .routes(routes!(internal::confirm::confirm))
        .routes(routes!(internal::reservation::reservation))
        .with_state(stock)
}
