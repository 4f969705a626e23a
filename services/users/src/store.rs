//! The SQL, one statement a function.

pub mod sessions;
pub mod users;
pub mod wishes;
