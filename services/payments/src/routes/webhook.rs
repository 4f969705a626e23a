//! `POST /payment/webhooks/{provider}`: a payment provider tells that something happened. New: the original has no such call.
//! Idempotent: an event that is sent again changes nothing.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use http::HeaderMap;
use mall_problem::{Answer, Done, ErrorKind, Lang, Path, Problem, done};

use crate::app;
use crate::messages;
use crate::state::Payments;

/// No webhook is larger; bytes.
const BODY_LIMIT: usize = 256 * 1024;

/// Takes a webhook of a payment provider.
#[utoipa::path(
    post,
    path = "/payment/webhooks/{provider}",
    tag = "payments",
    params(("provider" = String, Path, description = "`toss`")),
    request_body(content = Object, description = "What the provider sends", content_type = "application/json"),
    responses(
        (status = 200, description = "Seen to, now or before", body = Done),
        (status = 400, description = "WEBHOOK_MALFORMED"),
        (status = 401, description = "WEBHOOK_FORGED, WEBHOOK_STALE"),
        (status = 404, description = "WEBHOOK_UNKNOWN: no such provider here; PAYMENT_UNKNOWN"),
        (status = 409, description = "WEBHOOK_REPLAYED, PAYMENT_MISMATCH"),
        (status = 413, description = "WEBHOOK_TOO_LARGE"),
        (status = 503, description = "PAYMENT_UNSETTLED: the provider could not be asked; send it again"),
    )
)]
pub async fn webhook(
    State(payments): State<Arc<Payments>>,
    lang: Lang,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Json<Done>> {
    let body = axum::body::to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|error| {
            Problem::new(
                ErrorKind::TooLarge,
                "WEBHOOK_TOO_LARGE",
                messages::WEBHOOK_TOO_LARGE,
            )
            .caused_by(error)
        })?;
    let work = async move { app::webhook::webhook(&payments, &provider, &headers, &body).await };
    app::to_the_end(work).await?;
    Ok(done(lang, &messages::WEBHOOK_TAKEN))
}
