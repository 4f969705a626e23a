//! `GET /internal/stock/reservations/{id}`: a reservation as it stands.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Path};
use mall_stock_api::ReservationDetail;

use super::id;
use crate::domain::Refusal;
use crate::failure::Failure;
use crate::state::SharedStock;

/// Shows a reservation.
#[utoipa::path(
    get,
    path = "/internal/stock/reservations/{id}",
    tag = "internal",
    params(("id" = String, Path, description = "The reservation")),
    responses(
        (status = 200, body = ReservationDetail),
        (status = 400, description = "The id is no UUID"),
        (status = 401, description = "No service identity"),
        (status = 404, description = "RESERVATION_UNKNOWN"),
    ),
)]
pub async fn reservation(
    State(stock): State<SharedStock>,
    _: PeerService,
    Path(text): Path<String>,
) -> Answer<Json<ReservationDetail>> {
    let id = id(&text)?;
    let existing = stock
        .existing(id)
        .await?
        .ok_or(Failure::Refused(Refusal::ReservationUnknown))?;
    Ok(Json(ReservationDetail {
        reservation_id: id.to_string(),
        state: existing.state,
        buyer: existing.buyer,
        lines: existing.lines,
    }))
}
