//! The payment service over a real database, with a provider that can lose requests and answers.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod pay;
mod refund;
mod simulated;
mod support;
