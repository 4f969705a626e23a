//! The settings under `mall.stock`.

use mall_jobs::Schedule;
use mall_service::Span;
use serde::Deserialize;

/// `mall.stock`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StockConfig {
    /// How long a change waits for its product's lock.
    pub lock_wait: Span,
    /// How long one hold of the lock lasts at most.
    pub lock_lease: Span,
    /// When Redis is compared with MySQL.
    pub reconcile_schedule: String,
    /// When takes that nobody booked are settled.
    pub sweep_schedule: String,
    /// How old such a take must be.
    pub pending_age: Span,
    /// How old a reservation is when orders is asked whether it has an order.
    pub orphan_age: Span,
    /// When such reservations are looked for.
    pub orphan_schedule: String,
    /// How long a product counts as sold out after Redis said so, without asking again.
    pub sold_out_mark: Span,
    /// How many requests share a batch at most.
    pub batch: usize,
}

impl StockConfig {
    /// Names every senseless value.
    pub fn check(&self, bad: &mut Vec<String>) {
        if self.lock_lease.get().is_zero() {
            bad.push("mall.stock.lock-lease: must be longer than 0".into());
        }
        if !(1..=1000).contains(&self.batch) {
            bad.push("mall.stock.batch: must be from 1 to 1000".into());
        }
        if self.sold_out_mark > Span::millis(100) {
            bad.push("mall.stock.sold-out-mark: must be at most 100ms".into());
        }
        for (key, text) in [
            ("reconcile-schedule", &self.reconcile_schedule),
            ("sweep-schedule", &self.sweep_schedule),
            ("orphan-schedule", &self.orphan_schedule),
        ] {
            if let Err(error) = Schedule::parse(text) {
                bad.push(format!("mall.stock.{key}: {error}"));
            }
        }
    }
}
