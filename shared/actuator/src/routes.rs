//! One file per endpoint; the table is in `router.rs`.

pub(crate) mod circuit_breakers;
pub(crate) mod discovery;
pub(crate) mod health;
pub(crate) mod info;
pub(crate) mod metrics;
pub(crate) mod prometheus;
