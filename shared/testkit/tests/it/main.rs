//! The testkit against real MariaDB and Redis.
// Clippy takes only the test functions themselves for tests.
#![allow(clippy::unwrap_used)]

mod lifetimes;
mod servers;
mod shared;
mod under_test;
