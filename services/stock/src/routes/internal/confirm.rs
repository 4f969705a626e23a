//! `POST /internal/stock/reservations/{id}/confirm`: the order is paid. Asked by orders. Idempotent.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Path};
use mall_stock_api::Reservation;

use super::id;
use crate::state::SharedStock;

/// Confirms a reservation.
#[utoipa::path(
    post,
    path = "/internal/stock/reservations/{id}/confirm",
    tag = "internal",
    params(("id" = String, Path, description = "The reservation")),
    responses(
        (status = 200, body = Reservation),
        (status = 400, description = "The id is no UUID"),
        (status = 401, description = "No service identity"),
        (status = 404, description = "RESERVATION_UNKNOWN"),
        (status = 409, description = "RESERVATION_CLOSED"),
        (status = 503, description = "DATABASE_UNAVAILABLE"),
    ),
)]
pub async fn confirm(
    State(stock): State<SharedStock>,
    _: PeerService,
    Path(text): Path<String>,
) -> Answer<Json<Reservation>> {
    let id = id(&text)?;
    let state = stock.confirm(id).await?;
    Ok(Json(Reservation {
        reservation_id: id.to_string(),
        state,
    }))
}
