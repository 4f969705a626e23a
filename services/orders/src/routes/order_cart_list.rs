//! `POST /order/orderCartList`: orders the whole cart. Original: `OrderController.orderCartList`, which also made an order
//! of an empty cart.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::Answer;

use crate::app::place::{Attempt, PlacedOrder};
use crate::app::place_cart::place_cart;
use crate::app::to_the_end;
use crate::state::Orders;

/// Orders every line of the cart, or none.
#[utoipa::path(
    post,
    path = "/order/orderCartList",
    tag = "orders",
    responses(
        (status = 200, description = "Placed; it waits for its payment", body = PlacedOrder),
        (status = 404, description = "PRODUCT_NOT_FOUND: one of the products is gone"),
        (status = 409, description = "CART_EMPTY, CART_TOO_LARGE, SOLD_OUT, INSUFFICIENT_STOCK, NOT_YET_OPEN, PURCHASE_LIMIT_EXCEEDED; the cart stays"),
        (status = 503, description = "A service that is needed is away"),
    ),
    security(("bearer" = ["USER"]))
)]
pub async fn order_cart_list(
    State(orders): State<Arc<Orders>>,
    Shopper(shopper): Shopper,
    keyed: Keyed,
) -> Answer<Json<PlacedOrder>> {
    let work = async move { place_cart(&orders, shopper.user, Attempt::of(keyed)).await };
    let order_id = to_the_end(work).await?;
    Ok(Json(PlacedOrder { order_id }))
}
