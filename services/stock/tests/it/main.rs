//! The stock service over real MariaDB and Redis.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod adjust;
mod clocks;
mod crowd;
mod dropped;
mod drops;
mod fence;
mod guards;
mod marks;
mod moves;
mod orphans;
mod outage;
mod overlap;
#[cfg(feature = "power-cut")]
mod power;
mod readers;
mod repair;
mod support;
mod wire;
