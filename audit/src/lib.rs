//! Checks the laws of a quiet mall (`ARCHITECTURE.md`, laws 1 to 4) from MySQL and Redis alone.
//!
//! What it does: reads the schemas of all services in one snapshot, and the counts in Redis, and says what contradicts what. What
//! it is not: it repairs nothing, asks no service, and a mall with work on its way may look broken for a moment: ask again.
//! Who uses it: `cargo mall audit`, the fault tests, the bench.
//!
//! Reading order: [`run`], `laws.rs` (what must hold in MySQL: a list of queries that find what does not), `hot.rs` (Redis).

mod hot;
mod laws;

use std::fmt;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

/// How long connecting, or one look at all of it, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How old a held reservation without an order may be.
pub const ORPHAN_AGE: Duration = Duration::from_secs(60);

/// What an audit found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One line for each thing that is not as it must be; at most [`laws::MOST`] of a kind.
    pub broken: Vec<String>,
    /// How much was looked at.
    pub counts: Counts,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Products that stock knows.
    pub products: i64,
    /// Pieces ever supplied.
    pub supplied: i64,
    /// Pieces on the shelf.
    pub available: i64,
    /// Pieces in unpaid orders.
    pub held: i64,
    /// Pieces in paid orders.
    pub sold: i64,
    /// Reservations, released ones too.
    pub reservations: i64,
    /// Orders, cancelled ones too.
    pub orders: i64,
    /// Payments whose money was taken.
    pub captured: i64,
    /// Refunds.
    pub refunds: i64,
    /// Products whose count Redis has.
    pub hot: i64,
}

impl Counts {
    /// Names and numbers, in the order in which people want them.
    #[must_use]
    pub fn named(&self) -> [(&'static str, i64); 10] {
        [
            ("products", self.products),
            ("supplied", self.supplied),
            ("available", self.available),
            ("held", self.held),
            ("sold", self.sold),
            ("reservations", self.reservations),
            ("orders", self.orders),
            ("captured", self.captured),
            ("refunds", self.refunds),
            ("hot", self.hot),
        ]
    }
}

impl Report {
    /// Whether every law holds.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.broken.is_empty()
    }

    /// `{"audit": "ok" | [what broke], "products": n, ...}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let verdict = if self.is_ok() {
            json!("ok")
        } else {
            json!(self.broken)
        };
        let mut all = serde_json::Map::new();
        all.insert("audit".into(), verdict);
        all.extend(
            self.counts
                .named()
                .map(|(name, count)| (name.to_owned(), count.into())),
        );
        Value::Object(all)
    }
}

/// A table for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.counts.named() {
            writeln!(f, "{name:<13} {count:>12}")?;
        }
        if self.is_ok() {
            return writeln!(f, "\naudit: ok");
        }
        writeln!(f, "\naudit: {} broken", self.broken.len())?;
        for line in &self.broken {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}

/// Audits the mall whose schemas (`mall_stock` and so on) are on this MySQL server (a URL of a user who may read all of them, without a
/// schema) and whose counts are in this Redis.
///
/// # Errors
/// When one of the two can't be read: then nothing is known.
pub async fn run(mysql_url: &str, redis_url: &str) -> anyhow::Result<Report> {
    run_with(mysql_url, redis_url, ORPHAN_AGE).await
}

/// The same with another patience for held reservations that have no order: with none at all, the mall must be quiet.
///
/// # Errors
/// When MySQL or Redis can't be read.
pub async fn run_with(
    mysql_url: &str,
    redis_url: &str,
    orphan_age: Duration,
) -> anyhow::Result<Report> {
    run_on(
        mysql_url.parse().context("the address of MySQL")?,
        redis_url,
        orphan_age,
    )
    .await
}

/// The same on a MySQL that an address can't describe: with certificates of its own, say.
///
/// # Errors
/// When MySQL or Redis can't be read.
pub async fn run_on(
    mysql: MySqlConnectOptions,
    redis_url: &str,
    orphan_age: Duration,
) -> anyhow::Result<Report> {
    let redis_url = redis_url.to_owned();
    // A future of sqlx that is dropped half-way harms nobody here: its connection goes with it.
    let audit = async move {
        let mut mysql = MySqlConnection::connect_with(&mysql)
            .await
            .context("MySQL can't be reached")?;
        let report = look(&mut mysql, &redis_url, orphan_age).await?;
        let _ = mysql.close().await;
        Ok(report)
    };
    tokio::time::timeout(PATIENCE, audit)
        .await
        .context("the audit took too long")?
}

async fn look(
    mysql: &mut MySqlConnection,
    redis_url: &str,
    orphan_age: Duration,
) -> anyhow::Result<Report> {
    // All queries see the same moment, those of other schemas too.
    for statement in [
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ] {
        sqlx::raw_sql(statement).execute(&mut *mysql).await?;
    }
    let mut report = Report {
        counts: counts(mysql).await?,
        ..Report::default()
    };
    for law in laws::all(orphan_age) {
        let found: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(law.query.clone()))
            .fetch_all(&mut *mysql)
            .await
            .with_context(|| format!("law {:?} can't be checked", law.name))?;
        report.broken.extend(
            found
                .into_iter()
                .map(|(what,)| format!("{}: {what}", law.name)),
        );
    }
    let shelf: Vec<(i64, i64)> =
        sqlx::query_as("SELECT product_id, available FROM mall_stock.stock_item ORDER BY 1")
            .fetch_all(&mut *mysql)
            .await?;
    let hot = hot::compare(redis_url, &shelf).await?;
    report.counts.hot = hot.known;
    report.broken.extend(hot.broken);
    Ok(report)
}

async fn counts(mysql: &mut MySqlConnection) -> anyhow::Result<Counts> {
    let (products, supplied, available, held, sold, reservations, orders, captured, refunds) =
        sqlx::query_as(laws::COUNTS)
            .fetch_one(&mut *mysql)
            .await
            .context("the mall's schemas can't be read")?;
    Ok(Counts {
        products,
        supplied,
        available,
        held,
        sold,
        reservations,
        orders,
        captured,
        refunds,
        hot: 0,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that can't go on should panic")]
    use super::*;

    #[test]
    fn json_says_ok_or_what_broke() {
        let mut report = Report::default();
        assert_eq!(report.to_json()["audit"], "ok");
        assert!(report.to_string().ends_with("audit: ok\n"));
        report.broken.push("stock adds up: product 1".into());
        assert_eq!(
            report.to_json()["audit"],
            json!(["stock adds up: product 1"])
        );
        assert_eq!(report.to_json()["orders"], 0);
        assert!(report.to_string().contains("audit: 1 broken\n  stock"));
    }
}
