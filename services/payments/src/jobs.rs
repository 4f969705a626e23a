//! What runs by the clock. Each job is safe when it runs in several replicas at once.

use std::sync::Arc;

use mall_jobs::{Job, JobContext, Jobs};
use mall_telemetry::metrics::Metrics;

use crate::app::settle;
use crate::state::Payments;

/// Asks about payments and refunds of unknown outcome.
pub const SETTLE: &str = "payments.settle";
/// Forgets webhooks of long ago.
pub const SWEEP: &str = "payments.sweep";

/// All jobs of the service.
pub fn jobs(payments: &Arc<Payments>, metrics: Metrics) -> Jobs {
    let (config, zone) = (&payments.config, payments.zone);
    let settle = Job::new(SETTLE, config.settle_schedule.clone(), zone, {
        let payments = Arc::clone(payments);
        move |context: JobContext| {
            let payments = Arc::clone(&payments);
            async move {
                settle::settle_all(&payments, || context.should_stop())
                    .await
                    .map(drop)
            }
        }
    });
    let sweep = Job::new(SWEEP, config.sweep_schedule.clone(), zone, {
        let payments = Arc::clone(payments);
        move |context: JobContext| {
            let payments = Arc::clone(&payments);
            async move { settle::sweep(&payments, || context.should_stop()).await }
        }
    });
    Jobs::new(payments.db.clone(), payments.clock.clone(), metrics)
        .add(settle)
        .add(sweep)
}
