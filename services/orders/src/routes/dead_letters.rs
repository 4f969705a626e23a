//! `GET /admin/orders/dead-letters`: effects in other services that were given up. New: the original has no such call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_problem::{Answer, FieldErrors, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::asked;
use super::shown::{DeadLetterPage, dead_letter};
use crate::app::by_hand;
use crate::state::Orders;

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeadLettersQuery {
    /// Entries of a page, 1 to 200; 50 when absent.
    limit: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Lists dead letters, oldest first.
#[utoipa::path(
    get,
    path = "/admin/orders/dead-letters",
    tag = "admin",
    params(DeadLettersQuery),
    responses(
        (status = 200, description = "The dead letters", body = DeadLetterPage),
        (status = 400, description = "INVALID_FIELDS, INVALID_QUERY"),
    ),
    security(("bearer" = ["ADMIN"]))
)]
pub async fn dead_letters(
    State(orders): State<Arc<Orders>>,
    _admin: Admin,
    Query(query): Query<DeadLettersQuery>,
) -> Answer<Json<DeadLetterPage>> {
    let mut errors = FieldErrors::new();
    let limit = asked::limit(&mut errors, query.limit.as_deref());
    let after = asked::number(&mut errors, "after", query.after.as_deref());
    errors.finish()?;
    let (letters, more) = by_hand::dead_letters(&orders, after.unwrap_or(0), limit).await?;
    let next = letters.last().filter(|_| more).map(|last| last.id);
    let dead_letters = letters
        .into_iter()
        .map(|letter| dead_letter(letter, orders.zone))
        .collect();
    Ok(Json(DeadLetterPage { dead_letters, next }))
}
