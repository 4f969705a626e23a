//! The server as its clients see it, without a network: requests go into its router.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "clippy knows only functions marked #[test] as tests"
)]

mod config_repo;
mod golden;
mod login;
mod store;
mod support;
