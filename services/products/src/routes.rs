//! The route table.

mod add;
mod allproduct;
mod detail;
mod edit;
mod internal;
mod stock;

use mall_idempotency::{KeySettings, Keys};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Products;

/// Every endpoint of the service.
pub fn router(products: Products) -> OpenApiRouter {
    let keys = keys(&products);
    let routes = OpenApiRouter::new()
        .routes(routes!(allproduct::allproduct))
        .routes(routes!(detail::detail))
        .routes(routes!(add::add))
        .routes(routes!(edit::edit))
        .routes(routes!(stock::stock))
        .routes(routes!(internal::products::products))
        .with_state(products);
    mall_idempotency::layer(routes, keys)
}

/// The idempotency keys of admins.
pub(crate) fn keys(products: &Products) -> Keys {
    Keys::new(
        products.db.clone(),
        products.clock.clone(),
        KeySettings::default(),
    )
}
