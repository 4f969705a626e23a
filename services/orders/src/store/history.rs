//! The table `order_history`.

use chrono::{DateTime, Utc};
use mall_types::OrderId;
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use crate::domain::status::Status;

/// Writes one row for each order.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    orders: &[OrderId],
    status: Status,
    cause: &'static str,
) -> Result<(), sqlx::Error> {
    let mut query =
        QueryBuilder::<MySql>::new("INSERT INTO order_history (order_id, status, cause, at) ");
    query.push_values(orders, |mut row, order| {
        row.push_bind(order.0)
            .push_bind(status.ordinal())
            .push_bind(cause)
            .push_bind(now.naive_utc());
    });
    // One shape for one order, which is worth keeping prepared; batches come in all lengths.
    query
        .build()
        .persistent(orders.len() == 1)
        .execute(conn)
        .await?;
    Ok(())
}
