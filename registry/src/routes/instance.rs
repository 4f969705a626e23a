//! `apps/{app}/{id}`: show, renew, cancel; its override and metadata; and `instances/{id}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use mall_eureka::wire::{json_out, xml_out};
use mall_eureka::{Instance, InstanceStatus};

use crate::ask::{Ask, done, text};
use crate::instance_registry::{Heartbeat, Renewal};
use crate::negotiation::{Format, instance_format};
use crate::state::RegistryState;

/// One instance of an application.
pub async fn show(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let instance = state.registry().instance(&ask.app(), ask.id());
    answer(&ask, StatusCode::OK, instance)
}

/// One instance, whatever its application.
pub async fn anywhere(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let instance = state.registry().instance_anywhere(ask.id());
    answer(&ask, StatusCode::OK, instance)
}

/// A heartbeat: 404 makes the client register again. The `status` it sends says nothing to us, as in Netflix's.
pub async fn renew(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let heartbeat = Heartbeat {
        dirty: match ask.dirty() {
            Ok(dirty) => dirty,
            Err(status) => return ask.error(status),
        },
        overridden: ask
            .query("overriddenstatus")
            .and_then(InstanceStatus::parse),
        from_peer: ask.is_from_peer(),
    };
    let renewal = state
        .registry()
        .renew(&ask.app(), ask.id(), heartbeat, state.now());
    match renewal {
        Renewal::Renewed => done(),
        Renewal::RegisterAgain => ask.error(StatusCode::NOT_FOUND),
        Renewal::PeerIsBehind(ours) => answer(&ask, StatusCode::CONFLICT, Some(*ours)),
    }
}

/// Leaves the registry.
pub async fn cancel(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let cancelled = state.registry().cancel(&ask.app(), ask.id(), state.now());
    if cancelled {
        tracing::debug!(app = ask.app(), id = ask.id(), "cancelled");
    }
    found(&ask, cancelled)
}

/// An operator's override, such as `OUT_OF_SERVICE`.
pub async fn set_override(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let change = || {
        let status = ask.query("value").and_then(InstanceStatus::parse);
        Ok((status.ok_or(StatusCode::BAD_REQUEST)?, ask.dirty()?))
    };
    overriding(&state, &ask, change, |status, dirty, now| {
        state
            .registry()
            .set_override(&ask.app(), ask.id(), status, dirty, now)
    })
}

/// Takes an override back; without a `value` the instance is `UNKNOWN` until it registers again.
pub async fn delete_override(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let change = || {
        let status = match ask.query("value").filter(|value| !value.is_empty()) {
            None => Some(InstanceStatus::Unknown),
            Some(value) => InstanceStatus::parse(value),
        };
        Ok((status.ok_or(StatusCode::BAD_REQUEST)?, ask.dirty()?))
    };
    overriding(&state, &ask, change, |status, dirty, now| {
        state
            .registry()
            .delete_override(&ask.app(), ask.id(), status, dirty, now)
    })
}

/// Adds the query's pairs to the metadata; of a repeated key the first counts.
pub async fn add_metadata(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let pairs: BTreeMap<String, String> = ask.pairs().iter().rev().cloned().collect();
    let there = state
        .registry()
        .add_metadata(&ask.app(), ask.id(), pairs, state.now());
    found(&ask, there)
}

/// An unknown instance is 404 even when the rest makes no sense.
fn overriding(
    state: &RegistryState,
    ask: &Ask,
    change: impl FnOnce() -> Result<(InstanceStatus, Option<i64>), StatusCode>,
    apply: impl FnOnce(InstanceStatus, Option<i64>, i64) -> bool,
) -> Response {
    if state.registry().instance(&ask.app(), ask.id()).is_none() {
        return ask.error(StatusCode::NOT_FOUND);
    }
    match change() {
        Ok((status, dirty)) => {
            tracing::info!(app = ask.app(), id = ask.id(), status = %status, "override");
            found(ask, apply(status, dirty, state.now()))
        }
        Err(status) => ask.error(status),
    }
}

fn found(ask: &Ask, found: bool) -> Response {
    if found {
        done()
    } else {
        ask.error(StatusCode::NOT_FOUND)
    }
}

fn answer(ask: &Ask, status: StatusCode, instance: Option<Instance>) -> Response {
    let Some(format) = instance_format(&ask.headers) else {
        return ask.error(StatusCode::NOT_ACCEPTABLE);
    };
    let Some(instance) = instance else {
        return ask.error(StatusCode::NOT_FOUND);
    };
    let body = match format {
        Format::Json => json_out::instance(&instance).to_string(),
        Format::Xml => xml_out::instance(&instance),
    };
    text(status, format, body)
}
