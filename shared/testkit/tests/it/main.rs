//! The testkit against real MariaDB and Redis.

mod lifetimes;
mod servers;
mod shared;
