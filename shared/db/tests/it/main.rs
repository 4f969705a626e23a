//! Units of work against a real database.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed"
)]

mod autocommit;
mod encryption;
mod ending;
mod idle;
mod limit;
mod socket;
mod strict;
