//! The gateway from outside: real sockets in front, small services of the test's own behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets the unexpected ends"
)]

mod api_docs;
mod edges;
mod headers;
mod limits;
mod paths;
mod retries;
mod roles;
mod smuggling;
mod support;
