//! The calls that Toss offers.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ledger::{Answered, Key, Payment, Refusal};
use super::lines::Lost;
use super::{Shared, Switches, lock, notices};

pub fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/payments/confirm", post(confirm))
        .route("/v1/payments/{key}/cancel", post(cancel))
        .route("/v1/payments/{key}", get(by_key))
        .route("/v1/payments/orders/{order}", get(by_order))
        .layer(from_fn_with_state(shared.clone(), known))
        .with_state(shared.clone())
}

/// The shop's key, and how long everything takes.
async fn known(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let delay = lock(&shared.switches).delay_ms;
    if delay > 0 {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let given = request.headers().get(AUTHORIZATION);
    let given = given.and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let given = given.and_then(|text| String::from_utf8(STANDARD.decode(text).ok()?).ok());
    match given.as_deref().map(|given| given.split_once(':')) {
        Some(Some((key, ""))) if key == shared.options.secret_key => next.run(request).await,
        Some(Some(_)) => refused((401, "UNAUTHORIZED_KEY")).response(),
        Some(None) => refused((403, "INCORRECT_BASIC_AUTH_FORMAT")).response(),
        None => refused((401, "UNAUTHORIZED_KEY")).response(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confirm {
    payment_key: String,
    order_id: String,
    amount: i64,
}

async fn confirm(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(wanted): Json<Value>,
) -> Response {
    let work = |shared: &Shared| {
        let Ok(wanted) = serde_json::from_value::<Confirm>(wanted) else {
            return Err((400, "INVALID_REQUEST"));
        };
        let decline = lock(&shared.switches).decline.clone();
        let now = shared.clock.now();
        let (key, order) = (&wanted.payment_key, &wanted.order_id);
        let confirmed = lock(&shared.store).confirm(key, order, wanted.amount, decline, now);
        let after = lock(&shared.store).by_key(key, now).cloned();
        // Also of a decline.
        if let Some(payment) =
            after.filter(|payment| confirmed.is_ok() || payment.status == "ABORTED")
        {
            notices::send(shared, &payment);
        }
        confirmed
    };
    change(&shared, "/v1/payments/confirm", &headers, work).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancel {
    cancel_reason: String,
    #[serde(default)]
    cancel_amount: Option<i64>,
}

async fn cancel(
    State(shared): State<Arc<Shared>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(wanted): Json<Value>,
) -> Response {
    let path = format!("/v1/payments/{key}/cancel");
    let work = |shared: &Shared| {
        let Ok(wanted) = serde_json::from_value::<Cancel>(wanted) else {
            return Err((400, "INVALID_REQUEST"));
        };
        let (reason, amount) = (&wanted.cancel_reason, wanted.cancel_amount);
        let canceled = lock(&shared.store).cancel(&key, reason, amount, shared.clock.now());
        if let Ok(payment) = &canceled {
            notices::send(shared, payment);
        }
        canceled
    };
    change(&shared, &path, &headers, work).await
}

async fn by_key(State(shared): State<Arc<Shared>>, Path(key): Path<String>) -> Response {
    let now = shared.clock.now();
    let found = lock(&shared.store).by_key(&key, now).map(Payment::shown);
    show(found)
}

async fn by_order(State(shared): State<Arc<Shared>>, Path(order): Path<String>) -> Response {
    let now = shared.clock.now();
    let found = lock(&shared.store)
        .by_order(&order, now)
        .map(Payment::shown);
    show(found)
}

fn show(found: Option<Value>) -> Response {
    match found {
        Some(body) => Json(body).into_response(),
        None => refused((404, "NOT_FOUND_PAYMENT")).response(),
    }
}

/// What moves money: once for a key, and not always heard.
async fn change(
    shared: &Arc<Shared>,
    path: &str,
    headers: &HeaderMap,
    work: impl FnOnce(&Shared) -> Result<Payment, Refusal>,
) -> Response {
    if take(shared, |switches| &mut switches.lose_requests) {
        return lost();
    }
    if take(shared, |switches| &mut switches.fail_before) {
        return refused((500, "FAILED_INTERNAL_SYSTEM_PROCESSING")).response();
    }
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok());
    if key.is_some_and(|key| key.len() > 300) {
        return refused((400, "INVALID_IDEMPOTENCY_KEY")).response();
    }
    let key = key.map(|key| format!("POST {path} {key}"));
    let begun = key.as_ref().map(|key| lock(&shared.store).begin(key));
    let answer = match begun {
        Some(Key::UnderWay) => {
            return refused((409, "IDEMPOTENT_REQUEST_PROCESSING")).response();
        }
        Some(Key::Answered(answer)) => answer,
        Some(Key::New) | None => {
            let answer = match work(shared) {
                Ok(payment) => Answered {
                    status: 200,
                    body: payment.shown(),
                },
                Err(refusal) => refused(refusal),
            };
            if let Some(key) = &key {
                lock(&shared.store).end(key, Some(answer.clone()));
            }
            answer
        }
    };
    if take(shared, |switches| &mut switches.lose_answers) {
        return lost();
    }
    if take(shared, |switches| &mut switches.fail_after) {
        return refused((500, "FAILED_INTERNAL_SYSTEM_PROCESSING")).response();
    }
    answer.response()
}

/// Counts a switch down; whether it was on.
fn take(shared: &Shared, switch: impl FnOnce(&mut Switches) -> &mut u32) -> bool {
    let mut switches = lock(&shared.switches);
    let left = switch(&mut switches);
    let on = *left > 0;
    *left = left.saturating_sub(1);
    on
}

fn lost() -> Response {
    let mut response = StatusCode::OK.into_response();
    response.extensions_mut().insert(Lost);
    response
}

fn refused((status, code): Refusal) -> Answered {
    let body = json!({"code": code, "message": format!("simulated: {code}")});
    Answered { status, body }
}

impl Answered {
    fn response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self.body)).into_response()
    }
}
