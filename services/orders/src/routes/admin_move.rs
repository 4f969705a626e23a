//! `POST /admin/orders/{orderId}/move`: moves an order by hand. New: the original has no such call.
//! Without a key a second call is 406, with the same key it is answered as the first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Body, FieldErrors, Path};
use mall_types::OrderId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::admin_order::shown;
use super::shown::AdminDetail;
use super::{asked, audit};
use crate::app::{by_hand, to_the_end};
use crate::domain::status::Status;
use crate::messages;
use crate::state::Orders;

/// Most letters of a reason.
const REASON: usize = 200;

/// Where to, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// `SHIPPING`, `ORDER_CANCEL`, ...
    #[schema(required)]
    to: Option<String>,
    /// For the history and the audit log; up to 200 letters.
    reason: Option<String>,
}

/// Moves an order where the table of transitions allows it by hand, with the effects of that step.
#[utoipa::path(
    post,
    path = "/admin/orders/{orderId}/move",
    tag = "admin",
    params(("orderId" = i64, Path, description = "The order")),
    request_body = MoveRequest,
    responses(
        (status = 200, description = "Moved", body = AdminDetail),
        (status = 400, description = "INVALID_FIELDS: an unknown state"),
        (status = 404, description = "ORDER_NOT_FOUND"),
        (status = 406, description = "ORDER_NOT_MOVABLE: the table has no such move"),
        (status = 409, description = "PAYMENT_IN_PROGRESS"),
    ),
    security(("bearer" = ["ADMIN"]))
)]
pub async fn admin_move(
    State(orders): State<Arc<Orders>>,
    Admin(admin): Admin,
    Path(order): Path<OrderId>,
    keyed: Keyed,
    Body(request): Body<MoveRequest>,
) -> Answer<Json<AdminDetail>> {
    let user = admin.user;
    let refused = |problem: &_| audit::refused("order.move", user, Some(order), problem);
    let (to, reason) = read(request).inspect_err(refused)?;
    let effect = keyed.0.map(|attempt| attempt.effect.to_string());
    let app = Arc::clone(&orders);
    to_the_end(async move { by_hand::move_order(&app, user, order, to, reason, effect).await })
        .await
        .inspect_err(refused)?;
    shown(&orders, order).await
}

fn read(request: MoveRequest) -> Answer<(Status, Option<String>)> {
    let mut errors = FieldErrors::new();
    let to = errors.required("to", request.to);
    let to = asked::state(&mut errors, "to", to.as_deref());
    let reason = request.reason.filter(|reason| !reason.trim().is_empty());
    let fits = reason
        .as_ref()
        .is_none_or(|reason| reason.chars().count() <= REASON);
    errors.check(fits, "reason", messages::REASON_TOO_LONG);
    match to {
        Some(to) if errors.is_empty() => Ok((to, reason)),
        _ => Err(errors.problem()),
    }
}
