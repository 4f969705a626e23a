//! The table `order_intent`.

use chrono::{DateTime, Utc};
use mall_types::UserId;
use sqlx::MySqlConnection;

/// Writes down that this reservation is about to be made.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    reservation: &str,
    user: UserId,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO order_intent (reservation_id, user_id, created_at) VALUES (?, ?, ?)")
        .bind(reservation)
        .bind(user.0)
        .bind(now.naive_utc())
        .execute(conn)
        .await?;
    Ok(())
}

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
