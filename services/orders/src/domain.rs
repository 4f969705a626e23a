//! What an order is. Pure: no I/O, no clock.

pub mod line;
pub mod status;
