//! The registry: a Eureka server for our services and for Spring's.
//!
//! Reading order: [`instance_registry`] is the state machine, pure and with the time passed in; `routes` puts Eureka's REST
//! interface around it; [`upkeep`] holds the timers. Nothing is stored: after a restart, clients' heartbeats find their leases
//! gone and register again.

mod app;
mod ask;
pub mod config;
pub mod instance_registry;
pub mod lease;
mod negotiation;
mod routes;
pub mod self_preservation;
mod state;
pub mod upkeep;

pub use app::Registry;
pub use config::Config;
pub use routes::router;
pub use state::RegistryState;
