//! What MySQL, the provider and the audit say.

use std::time::Duration;

use mall_testkit::eventually;
use sqlx::AssertSqlSafe;

use super::{LONG, World};

impl World {
    /// What of an order's money moved at its provider, by the provider's own books: each charge, and whether it went back.
    pub async fn moved(&self, order: i64) -> Vec<String> {
        let Some(toss) = &self.toss else {
            let query = format!(
                "SELECT CONCAT(c.amount, IF(c.refunded_at IS NULL, '', ' back')) FROM mall_payments.simulated_charge c \
                 JOIN mall_payments.payment p ON p.provider_key = c.provider_key WHERE p.order_id = {order} AND c.reason IS NULL"
            );
            return self.texts(&query).await;
        };
        let id = format!("order-{order}");
        let movements = toss.ledger().movements;
        let of = |kind: &str| -> Vec<i64> {
            let moved = movements.iter();
            let fits = moved.filter(|moved| moved.order_id == id && moved.kind == kind);
            fits.map(|moved| moved.amount).collect()
        };
        let (charged, mut back) = (of("CHARGE"), of("REFUND"));
        let mut moved = Vec::new();
        for amount in charged {
            match back.iter().position(|given| *given == amount) {
                Some(index) => {
                    back.remove(index);
                    moved.push(format!("{amount} back"));
                }
                None => moved.push(amount.to_string()),
            }
        }
        moved.extend(back.iter().map(|given| format!("{given} too much")));
        moved
    }

    pub async fn sql(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&self.mysql)
            .await
            .unwrap();
    }

    pub async fn texts(&self, query: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_all(&self.mysql)
            .await
            .unwrap()
    }

    /// Until the query has this one text and nothing else.
    pub async fn until_text(&self, query: &str, wanted: &str) {
        eventually(LONG, || async {
            match self.texts(query).await.as_slice() {
                [text] if text == wanted => Ok(()),
                other => Err(format!("{other:?} in place of {wanted}: {query}")),
            }
        })
        .await;
    }

    pub async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&self.mysql)
            .await
            .unwrap()
    }

    /// Nothing is on its way any more, and the audit finds nothing.
    pub async fn until_quiet(&self) {
        self.pass_time().await;
        eventually(LONG, || async { self.audit().await }).await;
    }

    async fn audit(&self) -> Result<(), String> {
        for (what, query) in [
            ("messages", "SELECT COUNT(*) FROM mall_orders.outbox"),
            (
                "unasked reservations",
                "SELECT COUNT(*) FROM mall_stock.unattached",
            ),
            (
                "unknown payments",
                "SELECT COUNT(*) FROM mall_payments.payment WHERE state = 'UNKNOWN'",
            ),
            (
                "unknown refunds",
                "SELECT COUNT(*) FROM mall_payments.refund WHERE state = 'UNKNOWN'",
            ),
            (
                "orders being paid",
                "SELECT COUNT(*) FROM mall_orders.orders WHERE paying_since IS NOT NULL",
            ),
        ] {
            let count = self.number(query).await;
            if count > 0 {
                return Err(format!("{count} {what}"));
            }
        }
        let (mysql, redis) = (self.shop.mall.mysql_url(), self.shop.mall.redis_url());
        match mall_audit::run_with(&mysql, &redis, Duration::ZERO).await {
            Ok(report) if report.is_ok() => Ok(()),
            Ok(report) => Err(report.to_string()),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}
