//! The periodic work. Safe with several instances: a lease lets one of them run a tick, and running twice does no harm.

use std::sync::Arc;

use mall_clock::Zone;
use mall_jobs::{Job, Jobs, Schedule};

use crate::config::StockConfig;
use crate::state::SharedStock;

/// Compares Redis with MySQL.
pub const RECONCILE: &str = "stock-reconcile";
/// Settles takes that nobody settled.
pub const SWEEP: &str = "stock-sweep";

/// Adds this service's jobs.
pub fn add(
    jobs: Jobs,
    stock: &SharedStock,
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
    Ok(jobs.add(reconcile).add(sweep))
}
