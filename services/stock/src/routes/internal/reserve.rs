//! `POST /internal/stock/reservations`: takes pieces of one or several products, all lines or none. Asked by orders.
//! Idempotent by `reservationId`.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Body};
use mall_stock_api::{Reservation, Reserve};

use crate::domain::Order;
use crate::state::SharedStock;

/// Reserves pieces.
#[utoipa::path(
    post,
    path = "/internal/stock/reservations",
    tag = "internal",
    request_body = Reserve,
    responses(
        (status = 200, body = Reservation),
        (status = 400, description = "A field is not acceptable"),
        (status = 401, description = "No service identity"),
        (status = 404, description = "STOCK_UNKNOWN"),
        (status = 409, description = "SOLD_OUT, INSUFFICIENT_STOCK, NOT_YET_OPEN, PURCHASE_LIMIT_EXCEEDED, RESERVATION_CLOSED, RESERVATION_MISMATCH"),
        (status = 503, description = "LOCK_TIMEOUT, STOCK_UNAVAILABLE, DATABASE_UNAVAILABLE"),
    ),
)]
pub async fn reserve(
    State(stock): State<SharedStock>,
    _: PeerService,
    Body(request): Body<Reserve>,
) -> Answer<Json<Reservation>> {
    let order = Order::read(&request)?;
    let reservation_id = order.id.to_string();
    let state = stock.reserve(order).await?;
    Ok(Json(Reservation {
        reservation_id,
        state,
    }))
}
