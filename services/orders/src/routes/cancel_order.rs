//! `PUT /order/cancel/{orderId}`: asks for the cancellation of an order (ORDER_COMPLETE). Original: `OrderController.cancelOrder`, which took
//! anybody's order. A second call changes nothing and is 406.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done, Lang, Path, done};
use mall_types::OrderId;

use super::audit;
use crate::app::{request, to_the_end};
use crate::messages;
use crate::state::Orders;

/// Asks for a cancellation; it is carried out a day later.
#[utoipa::path(
    put,
    path = "/order/cancel/{orderId}",
    tag = "orders",
    params(("orderId" = i64, Path, description = "The order")),
    responses(
        (status = 200, description = "Requested", body = Done),
        (status = 404, description = "ORDER_NOT_FOUND"),
        (status = 406, description = "ORDER_NOT_CANCELABLE"),
    ),
    security(("bearer" = ["USER"]))
)]
pub async fn cancel_order(
    State(orders): State<Arc<Orders>>,
    Shopper(shopper): Shopper,
    lang: Lang,
    Path(order): Path<OrderId>,
    keyed: Keyed,
) -> Answer<Json<Done>> {
    let (user, effect) = (
        shopper.user,
        keyed.0.map(|attempt| attempt.effect.to_string()),
    );
    let work = async move { request::cancel(&orders, user, order, effect).await };
    to_the_end(work)
        .await
        .inspect_err(|problem| audit::refused("order.cancel", user, Some(order), problem))?;
    Ok(done(lang, &messages::CANCEL_REQUESTED))
}
