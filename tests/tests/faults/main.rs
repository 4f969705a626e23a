//! A sale runs through two instances of stock and of orders, and something dies, hangs, forgets or lies. Afterwards nothing that a
//! buyer was told is lost, nothing oversold, the audit finds nothing, and the mall sells on. What each fault is: `docs/faults.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]

mod audit;
mod database;
mod drops;
mod hot;
mod instances;
mod sale;
mod world;
