//! SQL, one statement per function.

pub mod fences;
pub mod history;
pub mod lines;
pub mod orders;
pub mod placing;
pub mod search;
pub mod steps;
pub mod views;
