//! What other services ask.

pub mod lines;
pub mod remove;
