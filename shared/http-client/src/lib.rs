//! Calls between services: service name, registry view, instance, deadline, circuit breaker, retry.
//!
//! Reading order: [`Discovery`] (who is there), [`Balancer`] (whom to take), [`Call`] and [`Answer`], then
//! `client.rs`, whose `call` is the whole policy on one screen, and [`CallError`], from which callers decide.
//!
//! What it is not: no TLS, no proxies, no redirects, no streaming; the gateway forwards requests by itself and shares
//! the [`Balancer`] and the [`Connections`] only.

mod balancer;
mod call;
mod client;
mod connections;
mod discovery;
mod error;
mod eureka;
mod messages;
mod peer;

pub use balancer::{Balancer, Pick};
pub use call::{Answer, Call};
pub use client::{BODY_LIMIT, CallClient, CallSettings, ClientParts};
pub use connections::{Answering, ConnectionSettings, Connections, SendError};
pub use discovery::{Discovery, Endpoint, StaticDiscovery, Version};
pub use error::CallError;
