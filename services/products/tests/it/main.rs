//! The product service over a real MariaDB, with a stock service of its own making.

mod admin;
mod bad_input;
mod internal;
mod pages;
mod support;
