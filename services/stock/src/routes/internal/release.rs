//! `POST /internal/stock/reservations/{id}/release`: gives the pieces back, once, from `HELD` and from `SOLD`. An unknown id is
//! spent, so that a late reserve fails. Asked by orders. Idempotent.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Path};
use mall_stock_api::{Released, ReservationState};

use super::id;
use crate::app::to_the_end;
use crate::state::SharedStock;

/// Releases a reservation.
#[utoipa::path(
    post,
    path = "/internal/stock/reservations/{id}/release",
    tag = "internal",
    params(("id" = String, Path, description = "The reservation")),
    responses(
        (status = 200, body = Released),
        (status = 400, description = "The id is no UUID"),
        (status = 401, description = "No service identity"),
        (status = 503, description = "DATABASE_UNAVAILABLE"),
    ),
)]
pub async fn release(
    State(stock): State<SharedStock>,
    _: PeerService,
    Path(text): Path<String>,
) -> Answer<Json<Released>> {
    let id = id(&text)?;
    let released = to_the_end(async move { stock.release(id).await }).await?;
    Ok(Json(Released {
        reservation_id: id.to_string(),
        state: ReservationState::Released,
        released,
    }))
}
