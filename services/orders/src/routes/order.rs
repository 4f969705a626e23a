//! `GET /order/{orderId}`: one order of the caller with its history. New: the original has no such call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Shopper;
use mall_problem::{Answer, Path};
use mall_types::OrderId;

use super::audit;
use super::shown::{OrderDetail, detail};
use crate::app::view;
use crate::state::Orders;

/// Shows one order, also one that waits for its payment.
#[utoipa::path(
    get,
    path = "/order/{orderId}",
    tag = "orders",
    params(("orderId" = i64, Path, description = "The order")),
    responses(
        (status = 200, description = "The order", body = OrderDetail),
        (status = 404, description = "ORDER_NOT_FOUND"),
    ),
    security(("bearer" = ["USER"]))
)]
pub async fn order(
    State(orders): State<Arc<Orders>>,
    Shopper(shopper): Shopper,
    Path(order): Path<OrderId>,
) -> Answer<Json<OrderDetail>> {
    let found = view::one(&orders, order, Some(shopper.user))
        .await
        .inspect_err(|problem| audit::refused("order.read", shopper.user, Some(order), problem))?;
    Ok(Json(detail(found, orders.zone)))
}
