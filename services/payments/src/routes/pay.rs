//! `POST /internal/payments`: takes the money for an order. Called by orders; may be repeated.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_payments_api::{Pay, Payment};
use mall_problem::{Answer, Body};

use crate::app;
use crate::state::Payments;

#[utoipa::path(
    post,
    path = "/internal/payments",
    tag = "internal",
    request_body = Pay,
    responses(
        (status = 200, description = "What the order's one payment came to", body = Payment),
        (status = 409, description = "PAYMENT_MISMATCH"),
    )
)]
pub async fn pay(
    State(payments): State<Arc<Payments>>,
    _peer: PeerService,
    Body(pay): Body<Pay>,
) -> Answer<Json<Payment>> {
    let work = async move { app::pay::pay(&payments, pay).await };
    app::to_the_end(work).await.map(Json)
}
