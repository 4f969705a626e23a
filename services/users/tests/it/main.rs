//! The user service through its real router and stack, with a real database, Redis and mail server; products are fake.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that panics has failed"
)]

mod accounts_at_rest;
mod admin;
mod bad_input;
mod idempotency;
mod login;
mod lost_marks;
mod mail;
mod outage;
mod profile;
mod seed;
mod sessions;
mod sign_up;
mod support;
mod wishes;
