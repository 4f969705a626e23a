//! The `/actuator` endpoints in Spring Boot's shapes: health, info, metrics, prometheus, circuitbreakers.
//!
//! Reading order: [`Health`] (what an indicator says), `probe.rs` (how indicators are asked without ever hanging),
//! [`Actuator`] (the router), `routes/` (one file per endpoint).
//!
//! What it is not: it does not guard anything. Services show it inside only; a program with a public port uses
//! [`Exposure::Edge`].

mod breaker_metrics;
mod health;
mod media;
mod probe;
mod router;
mod routes;

pub use breaker_metrics::bind_metrics;
pub use health::{Health, HealthIndicator, Status};
pub use probe::CHECK_TIMEOUT;
pub use router::{Actuator, Exposure, Readiness};
