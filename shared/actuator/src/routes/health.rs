//! `GET /actuator/health`, its components, and the liveness and readiness probes.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use http::{HeaderMap, StatusCode};
use mall_resilience::{BreakerRegistry, CircuitBreaker, State as BreakerState};
use serde_json::{Value, json};

use crate::health::{Health, Status};
use crate::media::{V2, json_answer, json_type};
use crate::router::{Exposure, SharedShown, Shown};
use crate::routes::circuit_breakers::percent;

const GROUPS: [&str; 2] = ["liveness", "readiness"];

pub(crate) async fn whole(
    State(shown): State<SharedShown>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let content_type = json_type(&headers)?;
    let asked = join_all(
        shown
            .probes
            .iter()
            .map(|probe| async { (probe.name().to_owned(), probe.ask().await) }),
    )
    .await;
    let mut components: BTreeMap<String, Health> = asked.into_iter().collect();
    for name in BUILT_IN {
        if let Some(health) = built_in(&shown, name) {
            components.insert(name.to_owned(), health);
        }
    }
    let health = Health::composite(components);
    let mut body = match shown.exposure {
        Exposure::All => health.to_json(content_type == V2),
        // A public port tells how it is, not what it is made of.
        Exposure::Edge => Health::new(health.status()).to_json(false),
    };
    body.insert("groups".to_owned(), json!(GROUPS));
    Ok(json_answer(
        health.status().http(),
        content_type,
        &Value::Object(body),
    ))
}

pub(crate) async fn part(
    State(shown): State<SharedShown>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let content_type = json_type(&headers)?;
    let path: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let absent = || StatusCode::NOT_FOUND.into_response();
    let health = match path.as_slice() {
        ["liveness"] => liveness(),
        ["readiness"] => readiness(&shown),
        _ if shown.exposure == Exposure::Edge => return Err(absent()),
        [name, rest @ ..] => {
            let component = component(&shown, name).await.ok_or_else(absent)?;
            component.find(rest).cloned().ok_or_else(absent)?
        }
        [] => return Err(absent()),
    };
    let mut body = health.to_json(content_type == V2);
    if health.is_composite() {
        body.insert("groups".to_owned(), json!(GROUPS));
    }
    Ok(json_answer(
        health.status().http(),
        content_type,
        &Value::Object(body),
    ))
}

const BUILT_IN: [&str; 4] = ["circuitBreakers", "livenessState", "ping", "readinessState"];

/// Only the component that was asked for is checked.
async fn component(shown: &Shown, name: &str) -> Option<Health> {
    match shown.probes.iter().find(|probe| probe.name() == name) {
        Some(probe) => Some(probe.ask().await),
        None => built_in(shown, name),
    }
}

fn built_in(shown: &Shown, name: &str) -> Option<Health> {
    match name {
        "circuitBreakers" => Some(circuit_breakers(&shown.breakers)),
        "livenessState" => Some(liveness()),
        "readinessState" => Some(readiness(shown)),
        "ping" => Some(Health::up()),
        _ => None,
    }
}

/// Whoever can answer is alive.
fn liveness() -> Health {
    Health::up()
}

fn readiness(shown: &Shown) -> Health {
    if shown.readiness.is_accepting() {
        Health::up()
    } else {
        Health::out_of_service()
    }
}

/// Only breakers that say so in their settings count here.
fn circuit_breakers(breakers: &BreakerRegistry) -> Health {
    let all = breakers.all();
    let shown: Vec<_> = all
        .iter()
        .filter(|breaker| breaker.config().register_health_indicator)
        .collect();
    let status = Status::aggregate(shown.iter().map(|breaker| breaker_status(breaker)));
    shown
        .into_iter()
        .fold(Health::new(status), |health, breaker| {
            health.detail(breaker.name(), breaker_health(breaker))
        })
}

fn breaker_status(breaker: &CircuitBreaker) -> Status {
    match breaker.state() {
        BreakerState::Closed => Status::Up,
        BreakerState::Open if breaker.config().allow_health_indicator_to_fail => Status::Down,
        BreakerState::Open => Status::Custom("CIRCUIT_OPEN"),
        BreakerState::HalfOpen => Status::Custom("CIRCUIT_HALF_OPEN"),
        BreakerState::ForcedOpen | BreakerState::Disabled | BreakerState::MetricsOnly => {
            Status::Unknown
        }
    }
}

fn breaker_health(breaker: &CircuitBreaker) -> Value {
    let now = breaker.snapshot();
    json!({
        "status": breaker_status(breaker).as_str(),
        "details": {
            "failureRate": percent(now.failure_rate),
            "failureRateThreshold": percent(now.failure_rate_threshold),
            "slowCallRate": percent(now.slow_call_rate),
            "slowCallRateThreshold": percent(now.slow_call_rate_threshold),
            "bufferedCalls": now.buffered_calls,
            "slowCalls": now.slow_calls,
            "slowFailedCalls": now.slow_failed_calls,
            "failedCalls": now.failed_calls,
            "notPermittedCalls": now.not_permitted_calls,
            "state": now.state.as_str(),
        },
    })
}
