//! `GET /admin/orders/{orderId}`: any order with its payment and history. New: the original has no such call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_problem::{Answer, Path};
use mall_types::OrderId;

use super::shown::{AdminDetail, admin_detail};
use crate::app::view;
use crate::state::Orders;

/// Shows one order of any shopper.
#[utoipa::path(
    get,
    path = "/admin/orders/{orderId}",
    tag = "admin",
    params(("orderId" = i64, Path, description = "The order")),
    responses(
        (status = 200, description = "The order", body = AdminDetail),
        (status = 404, description = "ORDER_NOT_FOUND"),
    ),
    security(("bearer" = ["ADMIN"]))
)]
pub async fn admin_order(
    State(orders): State<Arc<Orders>>,
    _admin: Admin,
    Path(order): Path<OrderId>,
) -> Answer<Json<AdminDetail>> {
    shown(&orders, order).await
}

/// The order as it stands.
pub async fn shown(orders: &Orders, order: OrderId) -> Answer<Json<AdminDetail>> {
    let found = view::one(orders, order, None).await?;
    let payment = view::payment(orders, order).await;
    Ok(Json(admin_detail(found, payment, orders.zone)))
}
