//! What the tables `payment` and `refund` have in common: rows whose outcome is unknown, and when to ask about them.

use chrono::{DateTime, Utc};
use sqlx::MySqlConnection;

/// Whose rows.
#[derive(Clone, Copy, Debug)]
pub enum Table {
    /// `payment`.
    Payments,
    /// `refund`.
    Refunds,
}

/// When to ask next.
pub async fn ask_at(
    conn: &mut MySqlConnection,
    table: Table,
    id: i64,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(match table {
        Table::Payments => "UPDATE payment SET next_ask_at = ? WHERE id = ? AND state = 'UNKNOWN'",
        Table::Refunds => "UPDATE refund SET next_ask_at = ? WHERE id = ? AND state = 'UNKNOWN'",
    })
    .bind(at.naive_utc())
    .bind(id)
    .execute(conn)
    .await
    .map(drop)
}

/// How many there are; counts no further than `most`.
pub async fn count(
    conn: &mut MySqlConnection,
    table: Table,
    most: u32,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(match table {
        Table::Payments => {
            "SELECT COUNT(*) FROM (SELECT 1 FROM payment WHERE state = 'UNKNOWN' LIMIT ?) unknown"
        }
        Table::Refunds => {
            "SELECT COUNT(*) FROM (SELECT 1 FROM refund WHERE state = 'UNKNOWN' LIMIT ?) unknown"
        }
    })
    .bind(most)
    .fetch_one(conn)
    .await
}
