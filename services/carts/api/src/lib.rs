//! What the cart service offers to the other services. Owner: `application-cart`. Consumer: `application-order`.
//!
//! Rules of change: fields are only added, with a default; unknown fields are ignored by both sides; nothing is renamed.

mod client;
mod wire;

pub use client::{CartsApi, HttpCarts};
pub use wire::{Line, Remove, Removed};

/// The service's name in the registry.
pub const SERVICE: &str = "application-cart";
