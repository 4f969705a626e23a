//! SQL, one statement per function.

pub mod history;
pub mod intents;
pub mod lines;
pub mod orders;
pub mod views;
