//! `POST /internal/payments/{orderId}/refund`: gives the money back. Called by orders; may be repeated.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_payments_api::{Refund, Refunded};
use mall_problem::{Answer, Body, Path};
use mall_types::OrderId;

use crate::app;
use crate::state::Payments;

#[utoipa::path(
    post,
    path = "/internal/payments/{orderId}/refund",
    tag = "internal",
    params(("orderId" = i64, Path, description = "The order")),
    request_body = Refund,
    responses(
        (status = 200, description = "What the payment's one refund came to", body = Refunded),
        (status = 404, description = "PAYMENT_UNKNOWN"),
        (status = 409, description = "PAYMENT_NOT_CAPTURED, REFUND_MISMATCH"),
        (status = 503, description = "PAYMENT_UNSETTLED"),
    )
)]
pub async fn refund(
    State(payments): State<Arc<Payments>>,
    _peer: PeerService,
    Path(order): Path<OrderId>,
    Body(refund): Body<Refund>,
) -> Answer<Json<Refunded>> {
    let work = async move { app::refund::refund(&payments, order, refund).await };
    app::to_the_end(work).await.map(Json)
}
