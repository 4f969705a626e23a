//! What came of a sale: from the books of the mall that runs here, or from what another mall shows.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;
use sqlx::{AssertSqlSafe, MySqlPool};

use crate::fire::Outcome;
use crate::local::Local;
use crate::wire::{Connection, request};

/// Until what goes on in the background has come to rest.
const QUIET_WITHIN: Duration = Duration::from_secs(15);

pub struct Sale {
    pub host: String,
    pub products: Vec<i64>,
    /// Of each.
    pub stock: i64,
    pub first_buyer: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Orders that buyers were told of.
    pub sold: i64,
    /// Pieces beyond the stock.
    pub oversold: i64,
    /// Orders beyond the first for one request.
    pub duplicates: i64,
    /// Orders that nobody was told of, beyond those whose outcome was unknown.
    pub phantom: i64,
    /// "ok", or what broke.
    pub audit: String,
}

pub async fn judge(
    sale: &Sale,
    outcome: &Outcome,
    local: Option<&Local>,
) -> anyhow::Result<Verdict> {
    let (unknown, sold) = (count(outcome.unknown), count(outcome.accepted.count()));
    let ids: Vec<i64> = outcome.orders.iter().filter_map(|(_, id)| *id).collect();
    let told: HashSet<i64> = ids.iter().copied().collect();
    let mut verdict = Verdict {
        sold,
        duplicates: count((ids.len() - told.len()) as u64),
        ..Verdict::default()
    };
    let per_product: Vec<i64> = (0..sale.products.len())
        .map(|at| {
            let of_it = outcome
                .orders
                .iter()
                .filter(|(number, _)| number % sale.products.len() == at);
            count(of_it.count() as u64)
        })
        .collect();
    let mut broken = Vec::new();
    match local {
        Some(local) => {
            let books = Books::open(&local.state.mysql).await?;
            let rows = books.orders(sale).await?;
            let rows_ids: HashSet<i64> = rows.iter().map(|(id, _)| *id).collect();
            let buyers: HashSet<i64> = rows.iter().map(|(_, buyer)| *buyer).collect();
            // Here every buyer sent one request.
            verdict.duplicates += count((rows.len() - buyers.len()) as u64);
            verdict.phantom = (count(rows_ids.difference(&told).count() as u64) - unknown).max(0);
            let lost = told.difference(&rows_ids).count();
            if lost > 0 {
                broken.push(format!("{lost} acknowledged orders are not there"));
            }
            for product in &sale.products {
                verdict.oversold += (books.pieces(*product).await? - sale.stock).max(0);
            }
            broken.extend(audited(local).await?);
        }
        None => {
            let mut missing = 0;
            for (product, told) in sale.products.iter().zip(&per_product) {
                verdict.oversold += (told - sale.stock).max(0);
                missing += sale.stock - shown(&sale.host, *product).await? - told;
            }
            verdict.phantom = (missing - unknown).max(0);
            if missing < 0 {
                broken.push(format!("{} pieces more are shown than are left", -missing));
            } else if missing > unknown {
                broken.push(format!("{missing} pieces are gone without an order"));
            }
        }
    }
    verdict.audit = if broken.is_empty() {
        "ok".to_owned()
    } else {
        broken.join("; ")
    };
    Ok(verdict)
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The laws of the whole mall. What is under way looks broken for a moment, so it is looked at until it is quiet.
async fn audited(local: &Local) -> anyhow::Result<Vec<String>> {
    let until = Instant::now() + QUIET_WITHIN;
    loop {
        let report = mall_audit::run(&local.state.mysql, &local.state.redis).await?;
        if report.is_ok() || Instant::now() >= until {
            return Ok(report.broken);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn shown(host: &str, product: i64) -> anyhow::Result<i64> {
    let get = request(
        "GET",
        host,
        &format!("/product/detailStock/{product}"),
        &[],
        "",
    );
    let (status, body) = Connection::open(host).await?.exchange(&get).await?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    body["stock"]
        .as_i64()
        .with_context(|| format!("detailStock says {status}"))
}

struct Books(MySqlPool);

impl Books {
    async fn open(url: &str) -> anyhow::Result<Books> {
        let pool = sqlx::mysql::MySqlPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(5))
            .connect(url)
            .await
            .context("MySQL is away")?;
        Ok(Books(pool))
    }

    /// Id and buyer of each order of these products.
    async fn orders(&self, sale: &Sale) -> anyhow::Result<Vec<(i64, i64)>> {
        let ids: Vec<String> = sale.products.iter().map(i64::to_string).collect();
        let text = format!(
            "SELECT DISTINCT o.id, o.user_id FROM mall_orders.orders o \
             JOIN mall_orders.order_line l ON l.order_id = o.id \
             WHERE o.user_id >= ? AND l.product_id IN ({})",
            ids.join(",")
        );
        let rows = sqlx::query_as(AssertSqlSafe(text)).bind(sale.first_buyer);
        Ok(rows.fetch_all(&self.0).await?)
    }

    /// Pieces of a product in orders that stand.
    async fn pieces(&self, product: i64) -> anyhow::Result<i64> {
        let (pieces,): (i64,) = sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(l.quantity), 0) AS SIGNED) FROM mall_orders.order_line l \
             JOIN mall_orders.orders o ON o.id = l.order_id WHERE l.product_id = ? AND o.status NOT IN (2, 6)",
        )
        .bind(product)
        .fetch_one(&self.0)
        .await?;
        Ok(pieces)
    }
}
