//! The rules, without I/O: what a reservation may be, how it may change, why one is refused.

mod facts;
mod order;
mod refusal;
mod reservation;

pub use facts::{Facts, admit, sums};
pub use order::{BadOrder, Line, MAX_PIECES, Order, read_id};
pub use refusal::Refusal;
pub use reservation::{Existing, Step, release, sell};
