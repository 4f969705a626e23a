//! The server as its clients see it, without a network: requests go into its router.

mod config_repo;
mod golden;
mod login;
mod store;
mod support;
