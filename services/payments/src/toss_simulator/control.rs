//! What shoppers do in the payment window, and what a developer wants. Open to everybody who reaches the port.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::Value;

use super::ledger::{Ledger, NewPayment};
use super::{Shared, Switches, lock, notices};

pub fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/simulator/payments", post(agree))
        .route("/simulator/payments/{key}/webhook", post(again))
        .route("/simulator/switches", get(switches).put(switch))
        .route("/simulator/ledger", get(ledger))
        .with_state(shared.clone())
}

/// A shopper agrees to a payment: answers it, with its `paymentKey`.
async fn agree(State(shared): State<Arc<Shared>>, Json(wanted): Json<NewPayment>) -> Json<Value> {
    Json(shared.agree(wanted).shown())
}

/// Sends the webhook about a payment, as it stands.
async fn again(State(shared): State<Arc<Shared>>, Path(key): Path<String>) -> Response {
    let found = lock(&shared.store)
        .by_key(&key, shared.clock.now())
        .cloned();
    match found {
        Some(payment) => {
            notices::send(&shared, &payment);
            StatusCode::ACCEPTED.into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn switches(State(shared): State<Arc<Shared>>) -> Json<Switches> {
    Json(lock(&shared.switches).clone())
}

async fn switch(State(shared): State<Arc<Shared>>, Json(wanted): Json<Switches>) -> Json<Switches> {
    *lock(&shared.switches) = wanted.clone();
    Json(wanted)
}

async fn ledger(State(shared): State<Arc<Shared>>) -> Json<Ledger> {
    Json(lock(&shared.store).ledger().clone())
}
