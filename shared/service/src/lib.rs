//! The service defaults: what every program of the mall does around its own work.
//!
//! A program implements [`App`] and calls [`run`]; everything else - command line, settings, logs, database, Redis,
//! registration, middleware, actuator, shutdown - happens here, once, in one order ([`boot`] tells the steps).
//!
//! Reading order: [`App`], [`boot`], [`settings`], [`stack`], [`server`].

mod app;
mod boot;
mod cli;
mod health;
mod healthcheck;
mod local_address;
mod plan;
mod redis_link;
mod resilience;
mod server;
mod settings;
mod span;
mod stack;
mod tasks;
mod traces;

pub use app::{App, Boot, Needs, Service};
pub use cli::{Given, Tool, run, run_with};
pub use mall_actuator::Exposure;
pub use span::Span;
pub use stack::{Stack, not_found};
pub use tasks::Tasks;
