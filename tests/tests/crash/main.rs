//! The crash matrix: on every way an order can go, the process dies at every point between two effects, is started again, and the
//! client repeats its request. Then all is as if nothing had happened: laws 1 to 4, seen from outside. `docs/testing.md` says how to
//! run one case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]

mod case;
mod complete;
mod deadline;
mod others;
mod paying;
mod placing;
mod returning;
mod toss;
mod world;
