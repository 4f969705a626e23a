//! The operations.

pub mod add;
pub mod announce;
pub mod edit;
pub mod read;
pub mod stock;
