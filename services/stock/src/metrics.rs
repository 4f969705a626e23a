//! What this service measures.

use mall_telemetry::metrics::{Counter, Gauge, Metrics, Timer};

/// Its meters.
#[derive(Clone)]
pub struct StockMetrics {
    /// Reservations that were booked.
    pub reserved: Counter,
    /// Reservations that were refused for want of pieces.
    pub sold_out: Counter,
    /// Those of them that were refused without asking, because the product was sold out a moment ago.
    pub marked: Counter,
    /// Reservations that were given back.
    pub released: Counter,
    /// Batches of requests for one product that shared a transaction.
    pub batches: Counter,
    /// How long the transaction of a batch takes.
    pub commit: Timer,
    /// Requests that did not get their product's lock in time.
    pub lock_timeouts: Counter,
    /// Counts that were loaded from MySQL, or loaded anew because they differed.
    pub loads: Counter,
    /// Takes of a dead or cut-off process that were settled.
    pub swept: Counter,
    /// Reservations without an order that were given back.
    pub orphans: Counter,
    /// Pieces by which Redis differed from MySQL when they were last compared, over all products. Must be 0.
    pub drift: Gauge,
}

impl StockMetrics {
    /// Registers them.
    pub fn new(metrics: &Metrics) -> Self {
        let outcome = |outcome| {
            metrics.counter(
                "mall.stock.reservations",
                "Reservations by outcome",
                &[("outcome", outcome)],
            )
        };
        Self {
            reserved: outcome("reserved"),
            sold_out: outcome("sold_out"),
            released: outcome("released"),
            marked: metrics.counter(
                "mall.stock.marked",
                "Reservations refused without asking, because the product was sold out a moment ago",
                &[],
            ),
            batches: metrics.counter(
                "mall.stock.batches",
                "Batches of reservations that shared a transaction",
                &[],
            ),
            commit: metrics.timer(
                "mall.stock.commit",
                "Transactions that book a batch of reservations",
                &[],
            ),
            lock_timeouts: metrics.counter(
                "mall.stock.lock.timeouts",
                "Waits for a product's lock in vain",
                &[],
            ),
            loads: metrics.counter(
                "mall.stock.loads",
                "Counts loaded from MySQL into Redis",
                &[],
            ),
            orphans: metrics.counter(
                "mall.stock.orphans",
                "Reservations without an order that were given back",
                &[],
            ),
            swept: metrics.counter(
                "mall.stock.swept",
                "Takes in Redis settled for a process that is gone",
                &[],
            ),
            drift: metrics.gauge(
                "mall.stock.drift",
                "Pieces by which Redis differed from MySQL at the last reconciliation",
                &[],
            ),
        }
    }
}
