//! The stock service over real MariaDB and Redis.

mod adjust;
mod crowd;
mod fence;
mod outage;
mod repair;
mod support;
mod wire;
