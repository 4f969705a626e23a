//! What the operations work with.

use std::sync::Arc;
use std::time::Duration;

use mall_clock::SharedClock;
use mall_db::Db;
use mall_telemetry::metrics::{Counter, Metrics};

use crate::provider::Provider;

/// The service, assembled.
pub struct Payments {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) provider_timeout: Duration,
    pub(crate) outcomes: Outcomes,
}

/// Counts what payments and refunds came to.
pub(crate) struct Outcomes {
    pub captured: Counter,
    pub declined: Counter,
    pub unknown: Counter,
    pub refunded: Counter,
    pub refund_unknown: Counter,
}

impl Payments {
    /// `provider_timeout` is how long one question to the provider may take.
    pub fn new(
        db: Db,
        clock: SharedClock,
        provider: Arc<dyn Provider>,
        provider_timeout: Duration,
        metrics: &Metrics,
    ) -> Self {
        let count = |outcome| {
            metrics.counter(
                "mall.payments.outcomes",
                "What payments and refunds came to",
                &[("outcome", outcome)],
            )
        };
        let outcomes = Outcomes {
            captured: count("captured"),
            declined: count("declined"),
            unknown: count("unknown"),
            refunded: count("refunded"),
            refund_unknown: count("refund_unknown"),
        };
        Self {
            db,
            clock,
            provider,
            provider_timeout,
            outcomes,
        }
    }
}
