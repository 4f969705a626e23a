//! `POST /internal/orders/reservations`: which of these reservations have an order; the others get none any more. Asked by stock of
//! reservations that it holds for longer than placing takes. Idempotent.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_orders_api::{MAX_RESERVATIONS, Unclaimed, Verdict};
use mall_problem::{Answer, Body, FieldErrors};
use uuid::Uuid;

use crate::app::fence::judge;
use crate::app::to_the_end;
use crate::messages;
use crate::state::Orders;

/// Judges reservations without an order.
#[utoipa::path(
    post,
    path = "/internal/orders/reservations",
    tag = "internal",
    request_body = Unclaimed,
    responses(
        (status = 200, body = Verdict),
        (status = 400, description = "Too many, or no UUIDs"),
        (status = 401, description = "No service identity"),
        (status = 503, description = "DATABASE_UNAVAILABLE"),
    ),
)]
pub async fn reservations(
    State(orders): State<Arc<Orders>>,
    _: PeerService,
    Body(unclaimed): Body<Unclaimed>,
) -> Answer<Json<Verdict>> {
    let ids = unclaimed.reservation_ids;
    let mut errors = FieldErrors::new();
    let sound = ids.len() <= MAX_RESERVATIONS && ids.iter().all(|id| is_id(id));
    errors.check(sound, "reservationIds", messages::BAD_RESERVATION_IDS);
    if !errors.is_empty() {
        return Err(errors.problem());
    }
    to_the_end(async move { judge(&orders, ids).await })
        .await
        .map(Json)
}

/// As orders writes them: anything else can't be an order's.
fn is_id(text: &str) -> bool {
    Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text)
}
