//! The outbox against a real database.

mod deliver_now;
mod enqueue;
mod relay;
mod support;
