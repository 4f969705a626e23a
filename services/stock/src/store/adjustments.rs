//! `stock_adjustment`: each change of supply, once per id.

use chrono::{DateTime, Utc};
use mall_types::ProductId;
use sqlx::MySqlConnection;

/// The unique key of the ids.
pub const KEY: &str = "PRIMARY";

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A first or further supply.
    Supply(i64),
    /// So many shall be available.
    Set(i64),
    /// So many more or fewer shall be available.
    Change(i64),
}

impl Asked {
    fn kind(self) -> &'static str {
        match self {
            Self::Supply(_) => "SUPPLY",
            Self::Set(_) => "SET",
            Self::Change(_) => "CHANGE",
        }
    }

    fn amount(self) -> i64 {
        match self {
            Self::Supply(n) | Self::Set(n) | Self::Change(n) => n,
        }
    }

    /// By how much that changes what is available now.
    pub fn delta(self, available: i64) -> Option<i64> {
        match self {
            Self::Supply(n) | Self::Change(n) => Some(n),
            Self::Set(n) => n.checked_sub(available),
        }
    }
}

/// Whether this id is booked, and if so, for this very request.
pub async fn booked(
    conn: &mut MySqlConnection,
    adjustment: &str,
    id: ProductId,
    asked: Asked,
) -> Result<Option<bool>, sqlx::Error> {
    let row: Option<(i64, String, i64)> = sqlx::query_as(
        "SELECT product_id, kind, amount FROM stock_adjustment WHERE adjustment_id = ?",
    )
    .bind(adjustment)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(product, kind, amount)| {
        product == id.0 && kind == asked.kind() && amount == asked.amount()
    }))
}

/// Books the id; a duplicate of [`KEY`] when it is booked already.
pub async fn insert(
    conn: &mut MySqlConnection,
    adjustment: &str,
    id: ProductId,
    asked: Asked,
    delta: i64,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO stock_adjustment (adjustment_id, product_id, kind, amount, delta, created_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(adjustment)
    .bind(id.0)
    .bind(asked.kind())
    .bind(asked.amount())
    .bind(delta)
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    Ok(())
}
