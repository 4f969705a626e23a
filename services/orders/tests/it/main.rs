//! The order service over a real database, with other services that can lose requests and answers.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod cart;
mod deadline;
mod fakes;
mod life;
mod pay;
mod place;
mod support;
mod view;
