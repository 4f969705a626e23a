//! `GET vips/{vip}` and `GET svips/{vip}`: never 404, an unknown address has an empty list.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::applications::answer;
use crate::ask::Ask;
use crate::state::RegistryState;

/// By plain virtual address.
pub async fn plain(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let vip = ask.param("vip");
    answer(&state, &ask, |state| {
        state.registry().by_virtual_address(vip, false)
    })
}

/// By virtual address for TLS.
pub async fn secure(State(state): State<Arc<RegistryState>>, ask: Ask) -> Response {
    let vip = ask.param("vip");
    answer(&state, &ask, |state| {
        state.registry().by_virtual_address(vip, true)
    })
}
