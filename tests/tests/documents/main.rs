//! What is written about the mall is true, and the repository is as it says of itself. No program is started.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]

mod errors;
mod links;
mod markdown;
mod repository;
mod routes;
mod rust;
mod secrets;
mod settings;
mod tidy;
mod tiers;
