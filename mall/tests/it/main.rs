//! `cargo mall` as people use it, on malls of their own beside whatever runs on this machine.
// Clippy takes only the test functions themselves for tests.
#![allow(clippy::unwrap_used)]

mod bench;
mod down;
mod failures;
mod up;
