//! Time that passes for the rows of the mall, without anybody waiting.

use super::World;

/// The processes that run jobs.
const WORKERS: [&str; 3] = ["orders", "payments", "stock"];

impl World {
    /// Half a minute passes for what a dead process has left: its leases end. (Nobody else is of its schema.)
    pub(super) async fn pass_leases(&self, victim: &str) {
        if WORKERS.contains(&victim) {
            self.sql(&format!(
                "UPDATE mall_{victim}.job_lease SET until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND"
            ))
            .await;
        }
        if victim == "orders" {
            self.sql("UPDATE mall_orders.idempotency_key SET locked_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE state = 'RUNNING'")
                .await;
            self.sql("UPDATE mall_orders.outbox SET locked_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE locked_until IS NOT NULL")
                .await;
        }
    }

    /// A minute passes for what waits to be asked about.
    pub async fn pass_time(&self) {
        for statement in [
            "UPDATE mall_stock.unattached SET created_at = created_at - INTERVAL 1 MINUTE",
            "UPDATE mall_payments.payment SET next_ask_at = UTC_TIMESTAMP(6) WHERE next_ask_at IS NOT NULL",
            "UPDATE mall_payments.refund SET next_ask_at = UTC_TIMESTAMP(6) WHERE next_ask_at IS NOT NULL",
        ] {
            self.sql(statement).await;
        }
    }

    /// An order has stood as it does for so long.
    pub async fn age(&self, order: i64, minutes: i64) {
        self.sql(&format!(
            "UPDATE mall_orders.orders SET status_since = status_since - INTERVAL {minutes} MINUTE WHERE id = {order}"
        ))
        .await;
    }

    /// An order's payment has been under way for a minute.
    pub async fn begun_long_ago(&self, order: i64) {
        self.sql(&format!(
            "UPDATE mall_orders.orders SET paying_since = paying_since - INTERVAL 1 MINUTE WHERE id = {order}"
        ))
        .await;
    }
}
