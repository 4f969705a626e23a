//! Real servers and a real mall for tests, and for `cargo mall` itself.
//!
//! What it does: starts private MariaDB and Redis processes, and the nine programs of the mall, on free loopback ports,
//! and sees to it that none of them outlives whoever started them. What it is not: it is never linked into a service.
//! Who uses it: the tests of every crate, and the `mall` tool.
//!
//! The launching code is synchronous on purpose: a thread waits for each child, so a server may be shared by tests that
//! each bring a runtime of their own, and the tool that builds the others needs no async runtime to be built first.
//!
//! Reading order: [`process`] (one child), [`server`] (a child that becomes ready and may be restarted), [`mariadb`] and
//! [`redis_server`], [`mall`] (the nine programs), [`under_test`] (the same for async tests).

pub mod http;
pub mod mail;
pub mod mall;
pub mod mariadb;
pub mod ports;
pub mod proc;
pub mod process;
pub mod programs;
pub mod redis_server;
pub mod scratch;
pub mod server;
pub mod timestamp;
pub mod unix;

#[cfg(feature = "tests")]
pub mod certificates;
#[cfg(feature = "tests")]
pub mod eventually;
#[cfg(feature = "tests")]
pub mod fault_proxy;
#[cfg(feature = "tests")]
pub mod schema;
#[cfg(feature = "tests")]
pub mod shared_servers;
#[cfg(feature = "tests")]
pub mod under_test;

pub use mariadb::MariaDb;
pub use redis_server::Redis;
pub use scratch::Scratch;

#[cfg(feature = "tests")]
pub use eventually::eventually;
#[cfg(feature = "tests")]
pub use fault_proxy::{FaultProxy, Weather};
#[cfg(feature = "tests")]
pub use schema::{SchemaGuard, fresh_schema};
#[cfg(feature = "tests")]
pub use shared_servers::{mysql_url, redis_url};
#[cfg(feature = "tests")]
pub use under_test::{MallBuilder, MallUnderTest};
