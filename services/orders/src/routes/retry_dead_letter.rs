//! `POST /admin/orders/dead-letters/{id}/retry`: has an effect tried again that was given up. New: the original has no such
//! call. Receivers know a message by its ids, so one that was delivered after all changes nothing more.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done, Lang, Path, done};

use super::audit;
use crate::app::{by_hand, to_the_end};
use crate::messages;
use crate::state::Orders;

/// Has a dead letter delivered again, as if it had never failed.
#[utoipa::path(
    post,
    path = "/admin/orders/dead-letters/{id}/retry",
    tag = "admin",
    params(("id" = i64, Path, description = "The dead letter")),
    responses(
        (status = 200, description = "It is tried again", body = Done),
        (status = 404, description = "DEAD_LETTER_NOT_FOUND: none, or it is being tried again already"),
    ),
    security(("bearer" = ["ADMIN"]))
)]
pub async fn retry_dead_letter(
    State(orders): State<Arc<Orders>>,
    Admin(admin): Admin,
    lang: Lang,
    Path(id): Path<i64>,
    keyed: Keyed,
) -> Answer<Json<Done>> {
    let user = admin.user;
    let Json(answer) = done(lang, &messages::DEAD_LETTER_RETRIED);
    let work = async move { by_hand::retry_dead_letter(&orders, user, id, keyed, answer).await };
    to_the_end(work)
        .await
        .inspect_err(|problem| audit::refused("order.dead_letter.retry", user, None, problem))
        .map(Json)
}
