//! `GET /order/orderlist`: the caller's orders. Original: `OrderController.getOrderList`, which asked products again and
//! failed for good when one was gone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Shopper;
use mall_problem::{Answer, FieldErrors, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::asked;
use super::shown::{OrderEntry, entry};
use crate::app::view;
use crate::state::Orders;

/// Which part of the list; without any of these it is whole, as in the original. Other parameters are not looked at, as there.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OrderListQuery {
    /// Entries of a page, 1 to 200; 50 when only `after` is there.
    limit: Option<String>,
    /// `orderId` of the last entry of the page before. A page with fewer than `limit` entries is the last.
    after: Option<String>,
}

/// Lists the caller's orders, newest first (by number), without those that wait for their payment.
#[utoipa::path(
    get,
    path = "/order/orderlist",
    tag = "orders",
    params(OrderListQuery),
    responses(
        (status = 200, description = "The orders", body = Vec<OrderEntry>),
        (status = 400, description = "INVALID_FIELDS"),
    ),
    security(("bearer" = ["USER"]))
)]
pub async fn order_list(
    State(orders): State<Arc<Orders>>,
    Shopper(shopper): Shopper,
    Query(query): Query<OrderListQuery>,
) -> Answer<Json<Vec<OrderEntry>>> {
    let mut errors = FieldErrors::new();
    let page = asked::page(&mut errors, query.limit.as_deref(), query.after.as_deref());
    errors.finish()?;
    let part = query.limit.is_some() || query.after.is_some();
    let list = view::list(&orders, shopper.user, part.then_some(page)).await?;
    Ok(Json(
        list.into_iter()
            .map(|order| entry(order, orders.zone))
            .collect(),
    ))
}
