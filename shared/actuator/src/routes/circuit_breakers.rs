//! `GET /actuator/circuitbreakers` and `POST /actuator/circuitbreakers/{name}`.

use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use mall_resilience::{Snapshot, State as BreakerState};
use serde_json::{Map, Value, json};

use crate::media::{JSON, V2, V3, error_answer, json_answer, json_type};
use crate::router::SharedShown;

pub(crate) async fn list(
    State(shown): State<SharedShown>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let content_type = json_type(&headers)?;
    let all = shown.breakers.all();
    let breakers: Map<String, Value> = all
        .iter()
        .map(|breaker| (breaker.name().to_owned(), numbers(&breaker.snapshot())))
        .collect();
    Ok(json_answer(
        200,
        content_type,
        &json!({"circuitBreakers": breakers}),
    ))
}

fn numbers(now: &Snapshot) -> Value {
    json!({
        "failureRate": percent(now.failure_rate),
        "slowCallRate": percent(now.slow_call_rate),
        "failureRateThreshold": percent(now.failure_rate_threshold),
        "slowCallRateThreshold": percent(now.slow_call_rate_threshold),
        "bufferedCalls": now.buffered_calls,
        "failedCalls": now.failed_calls,
        "slowCalls": now.slow_calls,
        "slowFailedCalls": now.slow_failed_calls,
        "notPermittedCalls": now.not_permitted_calls,
        "state": now.state.as_str(),
    })
}

/// The text of a Java float and a percent sign.
pub(crate) fn percent(rate: f32) -> String {
    format!("{rate:?}%")
}

pub(crate) async fn change(
    State(shown): State<SharedShown>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    let content_type = json_type(&headers)?;
    if !is_json(&headers) {
        let mut refusal = error_answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, uri.path());
        if let Ok(types) = HeaderValue::from_str(&format!("{V3}, {V2}, {JSON}")) {
            refusal.headers_mut().insert(ACCEPT, types);
        }
        return Err(refusal);
    }
    let to =
        wanted_state(&body).ok_or_else(|| error_answer(StatusCode::BAD_REQUEST, uri.path()))?;
    let breaker = shown.breakers.get(&name);
    breaker.transition_to(to);
    tracing::warn!(breaker = %name, state = to.as_str(), "circuit breaker {name} was set to {to} by hand");
    let answer = json!({
        "circuitBreakerName": name,
        "currentState": breaker.state().as_str(),
        "message": format!("{name} state has been changed successfully"),
    });
    Ok(json_answer(200, content_type, &answer))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    [V3, V2, JSON].contains(&&*media)
}

fn wanted_state(body: &[u8]) -> Option<BreakerState> {
    let body: Value = serde_json::from_slice(body).ok()?;
    match body
        .get("updateState")?
        .as_str()?
        .to_ascii_uppercase()
        .as_str()
    {
        "CLOSE" => Some(BreakerState::Closed),
        "FORCE_OPEN" => Some(BreakerState::ForcedOpen),
        "DISABLE" => Some(BreakerState::Disabled),
        _ => None,
    }
}
