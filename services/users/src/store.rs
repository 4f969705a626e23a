//! The SQL, one statement a function.

pub mod users;
pub mod wishes;
