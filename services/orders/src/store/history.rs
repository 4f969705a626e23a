//! The table `order_history`.

use chrono::{DateTime, Utc};
use mall_db::pieces;
use mall_types::{OrderId, UserId};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use crate::domain::status::Status;

/// Rows of one statement.
const ROWS: usize = 512;

/// Writes one row for each order.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    orders: &[OrderId],
    status: Status,
    cause: &'static str,
) -> Result<(), sqlx::Error> {
    for piece in pieces(orders, ROWS) {
        let mut query =
            QueryBuilder::<MySql>::new("INSERT INTO order_history (order_id, status, cause, at) ");
        query.push_values(piece, |mut row, order| {
            row.push_bind(order.0)
                .push_bind(status.ordinal())
                .push_bind(cause)
                .push_bind(now.naive_utc());
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// Who made a step, why, and on account of which Idempotency-Key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Why {
    /// Nobody: time, or the payment.
    pub actor: Option<UserId>,
    /// What a repetition under the same key finds.
    pub effect: Option<String>,
    /// An admin's reason, or the provider's.
    pub note: Option<String>,
}

/// Writes one row with all that is known of it.
pub async fn record(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    order: OrderId,
    status: Status,
    cause: &'static str,
    why: &Why,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO order_history (order_id, status, cause, at, effect, actor, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(order.0)
    .bind(status.ordinal())
    .bind(cause)
    .bind(now.naive_utc())
    .bind(why.effect.as_deref())
    .bind(why.actor.map(|user| user.0))
    .bind(why.note.as_deref())
    .execute(conn)
    .await?;
    Ok(())
}

/// A step that was made on account of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    pub cause: String,
    pub note: Option<String>,
}

/// What was done with the order on account of the key.
pub async fn of_effect(
    conn: &mut MySqlConnection,
    order: OrderId,
    effect: &str,
) -> Result<Option<Done>, sqlx::Error> {
    let found: Option<(String, Option<String>)> = sqlx::query_as(
        "SELECT cause, note FROM order_history WHERE order_id = ? AND effect = ? ORDER BY id LIMIT 1",
    )
    .bind(order.0)
    .bind(effect)
    .fetch_optional(conn)
    .await?;
    Ok(found.map(|(cause, note)| Done { cause, note }))
}
