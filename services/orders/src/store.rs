//! SQL, one statement per function.

pub mod fences;
pub mod history;
pub mod intents;
pub mod lines;
pub mod orders;
pub mod search;
pub mod steps;
pub mod views;
