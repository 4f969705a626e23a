//! The product service over a real MariaDB, with a stock service of its own making.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod admin;
mod bad_input;
mod idempotency;
mod internal;
mod pages;
mod support;
