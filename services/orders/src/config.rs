//! Settings under `mall.orders`.

use mall_jobs::Schedule;
use mall_service::Span;
use serde::Deserialize;

/// What is ours in the settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OrdersConfig {
    /// Most pieces of one line.
    pub max_quantity: i64,
    /// Most lines of a cart order.
    pub max_lines: usize,
    /// How long an order waits for its payment.
    pub payment_deadline: Span,
    /// When unpaid orders are looked for.
    pub deadline_schedule: Schedule,
    /// How long an order stays as it is before time moves it on.
    pub status_age: Span,
    /// When such orders are looked for.
    pub advance_schedule: Schedule,
    /// How long a payment may be under way before it is asked about.
    pub settle_after: Span,
    /// When such payments are looked for.
    pub settle_schedule: Schedule,
    /// Orders that one transaction writes at most.
    pub placing_batch: usize,
    /// Such transactions under way at a time.
    pub placing_writers: usize,
    /// How long a product counts as sold out after stock said so; 0: ask every time.
    pub sold_out_mark: Span,
    /// Orders that one transaction of a job moves.
    pub batch: u32,
    /// The pace of jobs that move orders.
    pub jobs: JobsConfig,
    /// The relay of effects in other services.
    pub outbox: OutboxConfig,
}

/// What jobs that move orders leave of the database to shoppers.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct JobsConfig {
    /// A job moves no more orders than this in a second, however quick the database is.
    pub per_second: u32,
}

/// See [`mall_outbox::RelaySettings`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutboxConfig {
    /// The longest pause between two looks.
    pub poll: Span,
    /// Rows taken at a time.
    pub batch: u32,
    /// How long a taken row is this replica's.
    pub lease: Span,
    /// The longest wait between two attempts.
    pub max_backoff: Span,
}

impl OrdersConfig {
    /// Names every senseless value.
    pub fn validate(&self, bad: &mut Vec<String>) {
        let mut check = |ok: bool, key: &str, why: &str| {
            if !ok {
                bad.push(format!("mall.orders.{key}: {why}"));
            }
        };
        check(self.max_quantity >= 1, "max-quantity", "must be at least 1");
        let most = mall_stock_api::MAX_LINES;
        check(
            (1..=most).contains(&self.max_lines),
            "max-lines",
            &format!("must be from 1 to {most}"),
        );
        check(
            self.sold_out_mark <= Span::millis(100),
            "sold-out-mark",
            "must be at most 100ms: pieces that come back are not seen meanwhile",
        );
        check(
            (1..=512).contains(&self.placing_batch),
            "placing-batch",
            "must be from 1 to 512",
        );
        check(
            (1..=8).contains(&self.placing_writers),
            "placing-writers",
            "must be from 1 to 8: each is a connection",
        );
        // Lists of ids in one statement, and rows locked at a time.
        check(
            (1..=5000).contains(&self.batch),
            "batch",
            "must be from 1 to 5000",
        );
        check(
            (1..=100_000).contains(&self.jobs.per_second),
            "jobs.per-second",
            "must be from 1 to 100000",
        );
        check(
            (1..=1000).contains(&self.outbox.batch),
            "outbox.batch",
            "must be from 1 to 1000",
        );
        check(
            !self.outbox.poll.get().is_zero(),
            "outbox.poll",
            "must be longer than 0",
        );
        check(
            !self.outbox.lease.get().is_zero(),
            "outbox.lease",
            "must be longer than 0",
        );
    }
}
