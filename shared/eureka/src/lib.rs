//! Netflix Eureka's REST protocol, as Spring Cloud 2023 speaks it.
//!
//! Reading order: [`wire`] is the model with its JSON and XML forms, shared by the client here and by the registry
//! program; [`EurekaClient`] registers this process, keeps its lease alive and holds the last known view of all others.

pub mod client;
pub mod wire;

pub use client::{EurekaClient, EurekaConfig};
pub use wire::{ActionType, Application, Applications, Instance, InstanceStatus};
