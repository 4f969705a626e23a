//! The periodic work. Safe with several instances: a lease lets one of them run a tick, and running twice does no harm.

use std::sync::Arc;

use mall_clock::Zone;
use mall_jobs::{Job, Jobs, Schedule};

use crate::app::orphans::Orphans;
use crate::config::StockConfig;
use crate::state::SharedStock;

/// Compares Redis with MySQL.
pub const RECONCILE: &str = "stock-reconcile";
/// Gives reservations back whose order never came to be.
pub const ORPHANS: &str = "stock-orphans";
/// Settles takes that nobody settled.
pub const SWEEP: &str = "stock-sweep";

/// Adds this service's jobs.
pub fn add(
    jobs: Jobs,
    stock: &SharedStock,
    orphans: Orphans,
    config: &StockConfig,
    zone: Zone,
) -> anyhow::Result<Jobs> {
    let reconciler = Arc::clone(stock);
    let reconcile = Job::new(
        RECONCILE,
        Schedule::parse(&config.reconcile_schedule)?,
        zone,
        move |context| {
            let stock = Arc::clone(&reconciler);
            async move {
                let found = stock.reconcile(|| context.should_stop()).await?;
                tracing::info!(
                    products = found.products,
                    repaired = found.repaired,
                    stock.drift = found.drift,
                    "compared {} products with MySQL, put {} right",
                    found.products,
                    found.repaired
                );
                Ok(())
            }
        },
    );
    let sweeper = Arc::clone(stock);
    let sweep = Job::new(
        SWEEP,
        Schedule::parse(&config.sweep_schedule)?,
        zone,
        move |context| {
            let stock = Arc::clone(&sweeper);
            async move {
                stock
                    .sweep_all(|| context.should_stop())
                    .await
                    .map(drop)
                    .map_err(Into::into)
            }
        },
    );
    let orphans = Job::new(
        ORPHANS,
        Schedule::parse(&config.orphan_schedule)?,
        zone,
        move |context| {
            let orphans = orphans.clone();
            async move { orphans.release(|| context.should_stop()).await.map(drop) }
        },
    );
    Ok(jobs.add(reconcile).add(sweep).add(orphans))
}
