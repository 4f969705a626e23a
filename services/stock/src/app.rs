//! The operations. Taking goes Redis first, then MySQL; giving back goes MySQL first, then Redis: so Redis never shows more
//! than MySQL has, and whatever dies in between leaves too few on the shelf for a moment, never too many.

pub mod adjust;
pub mod availability;
pub mod book;
pub mod combine;
pub mod confirm;
pub mod rebuild;
pub mod reconcile;
pub mod release;
pub mod reserve;
pub mod sweep;
pub mod tidy;
