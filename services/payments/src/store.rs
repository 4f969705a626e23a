//! SQL, one statement per function.

pub mod payments;
pub mod refunds;
