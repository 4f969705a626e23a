//! Idempotency keys against a real database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed"
)]

mod crash;
mod document;
mod keep;
mod replay;
mod same;
mod support;
mod twins;
