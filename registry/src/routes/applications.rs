//! `GET apps` and `GET apps/delta`: always fresh, without Netflix's response cache.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use mall_eureka::Applications;
use mall_eureka::wire::{json_out, xml_out};

use crate::ask::{Ask, text};
use crate::negotiation::{Format, detail, list_format};
use crate::state::RegistryState;

/// Everything.
pub async fn all(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    answer(&state, &ask, |state| state.registry().all())
}

/// What changed in the last minutes; 403 when deltas are switched off, at which clients fetch everything.
pub async fn delta(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    if !state.deltas() {
        return ask.error(StatusCode::FORBIDDEN);
    }
    answer(&state, &ask, |state| state.registry().delta())
}

/// A list in the format and detail that the client asks for.
pub fn answer(
    state: &RegistryState,
    ask: &Ask,
    list: impl FnOnce(&RegistryState) -> Applications,
) -> Response {
    if !state.registry().allows_access(state.now()) {
        return ask.error(StatusCode::FORBIDDEN);
    }
    let Some(format) = list_format(&ask.headers) else {
        return ask.error(StatusCode::NOT_ACCEPTABLE);
    };
    let list = list(state);
    let detail = detail(&ask.headers);
    let body = match format {
        Format::Json => json_out::applications(&list, detail).to_string(),
        Format::Xml => xml_out::applications(&list, detail),
    };
    text(StatusCode::OK, format, body)
}
