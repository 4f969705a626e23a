//! The table `order_intent`. Nothing is written to it any more: placing has no need of it since stock asks about reservations that
//! stay without an order. Rows of earlier releases are still given back by the job.

use chrono::{DateTime, Utc};
use mall_db::padded;
use sqlx::{MySql, MySqlConnection, QueryBuilder};

/// Takes the intent away; false when somebody else did. Who gets true decides what becomes of the reservation.
pub async fn take(conn: &mut MySqlConnection, reservation: &str) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM order_intent WHERE reservation_id = ?")
        .bind(reservation)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Intents from before `cutoff`, locked; those that somebody else has locked are left out.
pub async fn stale(
    conn: &mut MySqlConnection,
    cutoff: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<String>, sqlx::Error> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT reservation_id FROM order_intent WHERE created_at <= ? ORDER BY created_at LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(cutoff.naive_utc())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Takes these intents away, where there are any.
pub async fn delete(
    conn: &mut MySqlConnection,
    reservations: &[String],
) -> Result<(), sqlx::Error> {
    if reservations.is_empty() {
        return Ok(());
    }
    let mut query =
        QueryBuilder::<MySql>::new("DELETE FROM order_intent WHERE reservation_id IN (");
    let mut list = query.separated(", ");
    for id in padded(reservations) {
        list.push_bind(id);
    }
    query.push(")");
    query.build().execute(conn).await?;
    Ok(())
}
