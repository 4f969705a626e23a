//! The route table.

mod admin_move;
mod admin_order;
mod admin_orders;
mod asked;
mod audit;
mod cancel_order;
mod dead_letters;
mod internal;
mod order;
mod order_cart_list;
mod order_list;
mod order_product;
mod pay_order;
mod refund_order;
mod retry_dead_letter;
mod shown;

use std::sync::Arc;

use mall_idempotency::{KeySettings, Keys};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Orders;

/// All endpoints.
pub fn router(orders: Arc<Orders>) -> OpenApiRouter {
    let keys = keys(&orders);
    let routes = OpenApiRouter::new()
        .routes(routes!(order_product::order_product))
        .routes(routes!(order_cart_list::order_cart_list))
        .routes(routes!(pay_order::pay_order))
        .routes(routes!(order_list::order_list))
        .routes(routes!(cancel_order::cancel_order))
        .routes(routes!(refund_order::refund_order))
        .routes(routes!(order::order))
        .routes(routes!(admin_orders::admin_orders))
        .routes(routes!(admin_order::admin_order))
        .routes(routes!(admin_move::admin_move))
        .routes(routes!(dead_letters::dead_letters))
        .routes(routes!(retry_dead_letter::retry_dead_letter))
        .routes(routes!(internal::reservations::reservations))
        .with_state(orders);
    mall_idempotency::layer(routes, keys)
}

/// The idempotency keys of shoppers and admins.
pub(crate) fn keys(orders: &Orders) -> Keys {
    Keys::new(
        orders.db.clone(),
        orders.clock.clone(),
        KeySettings::default(),
    )
}
