//! What runs by the clock. Each job is safe when it runs in several replicas at once.

use std::sync::Arc;

use mall_jobs::{Job, JobContext, Jobs};
use mall_telemetry::metrics::Metrics;

use crate::app;
use crate::state::Orders;

/// Moves orders on that have not changed for a day.
pub const ADVANCE: &str = "orders.advance";
/// Cancels orders that were not paid in time.
pub const DEADLINE: &str = "orders.deadline";
/// Finds out what payments of unknown outcome came to.
pub const SETTLE: &str = "orders.settle";

/// All jobs of the service.
pub fn jobs(orders: &Arc<Orders>, metrics: Metrics) -> Jobs {
    let config = &orders.config;
    let zone = orders.zone;
    let advance = Job::new(ADVANCE, config.advance_schedule.clone(), zone, {
        let orders = Arc::clone(orders);
        move |context: JobContext| {
            let orders = Arc::clone(&orders);
            async move {
                app::advance::advance(&orders, || context.should_stop())
                    .await
                    .map(drop)
            }
        }
    });
    let deadline = Job::new(DEADLINE, config.deadline_schedule.clone(), zone, {
        let orders = Arc::clone(orders);
        move |context: JobContext| {
            let orders = Arc::clone(&orders);
            async move {
                app::advance::expire_unpaid(&orders, || context.should_stop())
                    .await
                    .map(drop)
            }
        }
    });
    let settle = Job::new(SETTLE, config.settle_schedule.clone(), zone, {
        let orders = Arc::clone(orders);
        move |context: JobContext| {
            let orders = Arc::clone(&orders);
            async move {
                app::settle::settle_all(&orders, || context.should_stop())
                    .await
                    .map(drop)
            }
        }
    });
    Jobs::new(orders.db.clone(), orders.clock.clone(), metrics)
        .add(advance)
        .add(deadline)
        .add(settle)
}
