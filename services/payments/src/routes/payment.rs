//! `GET /internal/payments/{orderId}`: the payment of an order. Called by orders.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_payments_api::Payment;
use mall_problem::{Answer, Path};
use mall_types::OrderId;

use crate::app;
use crate::state::Payments;

#[utoipa::path(
    get,
    path = "/internal/payments/{orderId}",
    tag = "internal",
    params(("orderId" = i64, Path, description = "The order")),
    responses(
        (status = 200, description = "The payment", body = Payment),
        (status = 404, description = "PAYMENT_UNKNOWN"),
    )
)]
pub async fn payment(
    State(payments): State<Arc<Payments>>,
    _peer: PeerService,
    Path(order): Path<OrderId>,
) -> Answer<Json<Payment>> {
    let work = async move { app::payment::payment(&payments, order).await };
    app::to_the_end(work).await.map(Json)
}
