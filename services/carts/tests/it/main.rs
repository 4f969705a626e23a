//! The cart service through its real router and stack, with a real database; products are fake.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed"
)]

mod add;
mod bad_input;
mod change;
mod idempotency;
mod internal;
mod outage;
mod support;
