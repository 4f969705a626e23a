//! The route table.

mod admin_order;
mod cancel_order;
mod order;
mod order_cart_list;
mod order_list;
mod order_product;
mod pay_order;
mod refund_order;
mod shown;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Orders;

/// All endpoints.
pub fn router(orders: Arc<Orders>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(order_product::order_product))
        .routes(routes!(order_cart_list::order_cart_list))
        .routes(routes!(pay_order::pay_order))
        .routes(routes!(order_list::order_list))
        .routes(routes!(cancel_order::cancel_order))
        .routes(routes!(refund_order::refund_order))
        .routes(routes!(order::order))
        .routes(routes!(admin_order::admin_order))
        .with_state(orders)
}
