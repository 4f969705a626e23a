//! The route table.

mod add;
mod allproduct;
mod detail;
mod edit;
mod internal;
mod stock;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Products;

/// Every endpoint of the service.
pub fn router(products: Products) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(allproduct::allproduct))
        .routes(routes!(detail::detail))
        .routes(routes!(add::add))
        .routes(routes!(edit::edit))
        .routes(routes!(stock::stock))
        .routes(routes!(internal::products::products))
        .with_state(products)
}
