//! Table `session`. What has ended stays until no token of it could be good.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_types::UserId;
use sqlx::MySqlConnection;

/// Writes a session down, or that it goes on until `over_at`; one that has ended stays as it is.
pub async fn go_on(
    conn: &mut MySqlConnection,
    id: &str,
    user: UserId,
    over_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO session (id, user_id, over_at) VALUES (?, ?, ?) \
         ON DUPLICATE KEY UPDATE over_at = IF(ended_at IS NULL, ?, over_at)",
    )
    .bind(id)
    .bind(user.0)
    .bind(over_at.naive_utc())
    .bind(over_at.naive_utc())
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the session has ended.
pub async fn has_ended(conn: &mut MySqlConnection, id: &str) -> Result<bool, sqlx::Error> {
    let ended: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM session WHERE id = ? AND ended_at IS NOT NULL")
            .bind(id)
            .fetch_optional(conn)
            .await?;
    Ok(ended.is_some())
}

/// Ends a session, known or not. One that has ended keeps its time.
pub async fn end(
    conn: &mut MySqlConnection,
    id: &str,
    user: UserId,
    now: DateTime<Utc>,
    over_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO session (id, user_id, over_at, ended_at) VALUES (?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE ended_at = IF(ended_at IS NULL, ?, ended_at)",
    )
    .bind(id)
    .bind(user.0)
    .bind(over_at.naive_utc())
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends all sessions of a user but `keep`.
pub async fn end_others(
    conn: &mut MySqlConnection,
    user: UserId,
    keep: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE session SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL AND id <> ?",
    )
    .bind(now.naive_utc())
    .bind(user.0)
    .bind(keep)
    .execute(conn)
    .await?;
    Ok(())
}

/// A user's ended sessions.
pub async fn ended_of(
    conn: &mut MySqlConnection,
    user: UserId,
) -> Result<Vec<String>, sqlx::Error> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT id FROM session WHERE user_id = ? AND ended_at IS NOT NULL")
            .bind(user.0)
            .fetch_all(conn)
            .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// What has ended after `since`, and when.
pub async fn ended_since(
    conn: &mut MySqlConnection,
    since: DateTime<Utc>,
) -> Result<Vec<(String, DateTime<Utc>)>, sqlx::Error> {
    let rows: Vec<(String, NaiveDateTime)> =
        sqlx::query_as("SELECT id, ended_at FROM session WHERE ended_at > ?")
            .bind(since.naive_utc())
            .fetch_all(conn)
            .await?;
    let ended = rows.into_iter().map(|(id, at)| (id, at.and_utc()));
    Ok(ended.collect())
}

/// Forgets up to `most` sessions of which no token is good any more; tells how many there were.
pub async fn sweep(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    most: u32,
) -> Result<u64, sqlx::Error> {
    let swept = sqlx::query("DELETE FROM session WHERE over_at <= ? LIMIT ?")
        .bind(now.naive_utc())
        .bind(most)
        .execute(conn)
        .await?;
    Ok(swept.rows_affected())
}
