//! What the operations work with.

use mall_clock::{SharedClock, Zone};
use mall_db::Db;
use mall_fault_points::FaultPoints;
use mall_telemetry::metrics::{Counter, Gauge, Metrics};

use crate::config::PaymentsConfig;
use crate::provider::Providers;

/// The service, assembled.
pub struct Payments {
    pub(crate) db: Db,
    pub(crate) clock: SharedClock,
    pub(crate) zone: Zone,
    pub(crate) providers: Providers,
    pub(crate) config: PaymentsConfig,
    pub(crate) meters: Meters,
    /// Where a test build can be made to die.
    pub(crate) faults: FaultPoints,
}

/// Counts what payments and refunds came to.
pub(crate) struct Meters {
    pub captured: Counter,
    pub declined: Counter,
    pub unknown: Counter,
    pub refunded: Counter,
    pub refund_unknown: Counter,
    /// Must stay 0: the provider and this service tell different things about an outcome.
    pub contradictions: Counter,
    pub webhooks_accepted: Counter,
    pub webhooks_repeated: Counter,
    pub webhooks_refused: Counter,
    pub unsettled_payments: Gauge,
    pub unsettled_refunds: Gauge,
}

impl Payments {
    /// Puts it together.
    pub fn new(
        db: Db,
        clock: SharedClock,
        zone: Zone,
        providers: Providers,
        config: PaymentsConfig,
        metrics: &Metrics,
    ) -> Self {
        Self {
            db,
            clock,
            zone,
            providers,
            config,
            meters: Meters::new(metrics),
            faults: FaultPoints::from_env(),
        }
    }

    /// With other fault points than the environment's.
    #[must_use]
    pub fn with_faults(mut self, faults: FaultPoints) -> Self {
        self.faults = faults;
        self
    }
}

impl Meters {
    fn new(metrics: &Metrics) -> Meters {
        let outcome = |outcome| {
            metrics.counter(
                "mall.payments.outcomes",
                "What payments and refunds came to",
                &[("outcome", outcome)],
            )
        };
        let webhook = |outcome| {
            metrics.counter(
                "mall.payments.webhooks",
                "Webhooks of providers by what became of them",
                &[("outcome", outcome)],
            )
        };
        let unsettled = |what| {
            metrics.gauge(
                "mall.payments.unsettled",
                "Payments and refunds whose outcome is not known, when the job last looked; counted up to 10000",
                &[("what", what)],
            )
        };
        Meters {
            captured: outcome("captured"),
            declined: outcome("declined"),
            unknown: outcome("unknown"),
            refunded: outcome("refunded"),
            refund_unknown: outcome("refund_unknown"),
            contradictions: metrics.counter(
                "mall.payments.contradictions",
                "Outcomes about which the provider and the payment service tell different things",
                &[],
            ),
            webhooks_accepted: webhook("accepted"),
            webhooks_repeated: webhook("repeated"),
            webhooks_refused: webhook("refused"),
            unsettled_payments: unsettled("payment"),
            unsettled_refunds: unsettled("refund"),
        }
    }
}
