//! `GET /admin/orders/{orderId}`: any order with its history. New: the original has no such call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_problem::{Answer, Path};
use mall_types::OrderId;

use super::shown::{OrderDetail, detail};
use crate::app::view;
use crate::state::Orders;

/// Shows one order of any shopper.
#[utoipa::path(
    get,
    path = "/admin/orders/{orderId}",
    tag = "admin",
    params(("orderId" = i64, Path, description = "The order")),
    responses(
        (status = 200, description = "The order", body = OrderDetail),
        (status = 404, description = "ORDER_NOT_FOUND"),
    ),
    security(("bearer" = ["ADMIN"]))
)]
pub async fn admin_order(
    State(orders): State<Arc<Orders>>,
    _admin: Admin,
    Path(order): Path<OrderId>,
) -> Answer<Json<OrderDetail>> {
    let found = view::one(&orders, order, None).await?;
    Ok(Json(detail(found, orders.zone)))
}
