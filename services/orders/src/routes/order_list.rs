//! `GET /order/orderlist`: the caller's orders. Original: `OrderController.getOrderList`, which asked products again and
//! failed for good when one was gone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Shopper;
use mall_problem::Answer;

use super::shown::{OrderEntry, entry};
use crate::app::view;
use crate::state::Orders;

/// Lists the caller's orders, newest first, without those that wait for their payment.
#[utoipa::path(
    get,
    path = "/order/orderlist",
    tag = "orders",
    responses((status = 200, description = "The orders", body = Vec<OrderEntry>)),
    security(("bearer" = ["USER"]))
)]
pub async fn order_list(
    State(orders): State<Arc<Orders>>,
    Shopper(shopper): Shopper,
) -> Answer<Json<Vec<OrderEntry>>> {
    let list = view::list(&orders, shopper.user).await?;
    Ok(Json(
        list.into_iter()
            .map(|order| entry(order, orders.zone))
            .collect(),
    ))
}
