//! End to end, over the real programs, through the gateway.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]

mod admin;
mod bad_input;
mod books;
mod compat;
mod drop;
mod failover;
mod idempotency;
mod journey;
mod malls;
mod observe;
mod openapi;
mod oversell;
mod owners;
mod sessions;
mod time;
mod toss;

use mall_system_tests::mint;
