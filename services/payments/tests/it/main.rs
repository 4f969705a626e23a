//! The payment service over a real database, with a provider that can lose requests and answers.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod admin;
mod crash;
mod pay;
mod refund;
mod settle;
mod simulated;
mod support;
mod toss;
mod toss_refund;
mod webhooks;
