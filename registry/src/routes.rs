//! The route table: Eureka's REST interface, version 2, below `/eureka` and `/eureka/v2`.
//!
//! Every path works with and without a slash at its end. The whole of `/eureka` answers errors in Spring Boot's shape, so the
//! table has its own catch-all and each path its own 405, whatever router it is merged into.

mod application;
mod applications;
mod instance;
mod virtual_address;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, any, delete, get, options, post, put};
use http::StatusCode;
use http::header::ALLOW;

use crate::ask::Ask;
use crate::state::RegistryState;

type Methods = MethodRouter<Arc<RegistryState>>;

/// All routes of the registry.
pub fn router(state: Arc<RegistryState>) -> Router {
    let mut router = Router::new();
    for base in ["/eureka", "/eureka/v2"] {
        for (path, methods) in table() {
            router = router
                .route(&format!("{base}{path}"), methods.clone())
                .route(&format!("{base}{path}/"), methods);
        }
    }
    router
        .route("/eureka", any(unknown))
        .route("/eureka/", any(unknown))
        .route("/eureka/{*rest}", any(unknown))
        .route("/", get(|| async { Redirect::temporary("/eureka/apps") }))
        .with_state(state)
}

fn table() -> [(&'static str, Methods); 9] {
    [
        ("/apps", allowing("GET,OPTIONS", get(applications::all))),
        (
            "/apps/delta",
            allowing("GET,OPTIONS", get(applications::delta)),
        ),
        (
            "/apps/{app}",
            allowing(
                "POST,GET,OPTIONS",
                post(application::register).get(application::show),
            ),
        ),
        (
            "/apps/{app}/{id}",
            allowing(
                "DELETE,GET,OPTIONS,PUT",
                delete(instance::cancel)
                    .get(instance::show)
                    .put(instance::renew),
            ),
        ),
        (
            "/apps/{app}/{id}/status",
            allowing(
                "DELETE,OPTIONS,PUT",
                delete(instance::delete_override).put(instance::set_override),
            ),
        ),
        (
            "/apps/{app}/{id}/metadata",
            allowing("OPTIONS,PUT", put(instance::add_metadata)),
        ),
        (
            "/vips/{vip}",
            allowing("GET,OPTIONS", get(virtual_address::plain)),
        ),
        (
            "/svips/{vip}",
            allowing("GET,OPTIONS", get(virtual_address::secure)),
        ),
        (
            "/instances/{id}",
            allowing("GET,OPTIONS", get(instance::anywhere)),
        ),
    ]
}

fn allowing(allow: &'static str, methods: Methods) -> Methods {
    methods
        .merge(options(
            move || async move { [(ALLOW, allow)].into_response() },
        ))
        .fallback(move |ask: Ask| async move { ask.method_not_allowed(allow) })
}

async fn unknown(ask: Ask) -> Response {
    ask.error(StatusCode::NOT_FOUND)
}
