//! SQL, one statement per function.

pub mod attempts;
pub mod payments;
pub mod refunds;
pub mod unknown;
pub mod webhooks;
