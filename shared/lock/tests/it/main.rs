//! The lock against a real Redis: owners, models, processes that stop or die, and what Redisson was seen to do.
#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod golden;
mod model;
mod owners;
mod processes;
mod restart;
mod support;
