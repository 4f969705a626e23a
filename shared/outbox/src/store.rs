//! The SQL. Common subset of MySQL 8 and MariaDB 10.11.

use chrono::{DateTime, Utc};
use sqlx::MySqlConnection;

use crate::Message;

type Row = (i64, String, String, String, i32);

fn message((id, topic, ordering_key, payload, attempts): Row) -> Message {
    Message {
        id,
        topic,
        ordering_key,
        payload,
        attempts,
    }
}

pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    topic: &str,
    ordering_key: &str,
    payload: &str,
) -> Result<i64, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO outbox (topic, ordering_key, payload, created_at, next_attempt_at, attempts, dead) \
         VALUES (?, ?, ?, ?, ?, 0, 0)",
    )
    .bind(topic)
    .bind(ordering_key)
    .bind(payload)
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    i64::try_from(done.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Rows that look free, without locking them: due, not leased, and the oldest of their key. The answer may be stale at
/// once; [`lease`] decides.
pub async fn candidates(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<i64>, sqlx::Error> {
    let ids: Vec<(i64,)> = sqlx::query_as(
        "SELECT o.id FROM outbox o \
         WHERE o.dead = 0 AND o.next_attempt_at <= ? AND (o.locked_until IS NULL OR o.locked_until <= ?) \
           AND NOT EXISTS (SELECT 1 FROM outbox older \
                           WHERE older.ordering_key = o.ordering_key AND older.id < o.id AND older.dead = 0) \
         ORDER BY o.next_attempt_at, o.id LIMIT ?",
    )
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(|(id,)| id).collect())
}

/// Is this row the oldest living one of its key, and free? Its backoff is not asked for: see `Relay::deliver_now`.
pub async fn is_candidate(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
) -> Result<bool, sqlx::Error> {
    let found: Option<(i64,)> = sqlx::query_as(
        "SELECT o.id FROM outbox o \
         WHERE o.id = ? AND o.dead = 0 AND (o.locked_until IS NULL OR o.locked_until <= ?) \
           AND NOT EXISTS (SELECT 1 FROM outbox older \
                           WHERE older.ordering_key = o.ordering_key AND older.id < o.id AND older.dead = 0)",
    )
    .bind(id)
    .bind(now.naive_utc())
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Leases a row to `holder`, unless another relay has it or is just taking it. Inside a transaction.
///
/// The row is read again under its lock: what [`candidates`] said may have been overtaken. That it is the oldest of its key
/// can't have been: older rows only go away, they never come.
pub async fn lease(
    conn: &mut MySqlConnection,
    id: i64,
    now: DateTime<Utc>,
    holder: &str,
    until: DateTime<Utc>,
) -> Result<Option<Message>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT id, topic, ordering_key, payload, attempts FROM outbox \
         WHERE id = ? AND dead = 0 AND (locked_until IS NULL OR locked_until <= ?) FOR UPDATE SKIP LOCKED",
    )
    .bind(id)
    .bind(now.naive_utc())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    sqlx::query("UPDATE outbox SET locked_by = ?, locked_until = ? WHERE id = ?")
        .bind(holder)
        .bind(until.naive_utc())
        .bind(id)
        .execute(conn)
        .await?;
    Ok(Some(message(row)))
}

/// Removes a delivered row. Whoever delivered it may remove it, even when its lease has passed: the work is done.
pub async fn delete(conn: &mut MySqlConnection, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM outbox WHERE id = ?")
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives a failed row back; `false` when the lease was no longer this holder's.
pub async fn give_back(
    conn: &mut MySqlConnection,
    id: i64,
    holder: &str,
    next_attempt_at: DateTime<Utc>,
    error: &str,
    dead: bool,
) -> Result<bool, sqlx::Error> {
    let error: String = error.chars().take(255).collect();
    let done = sqlx::query(
        "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = ?, last_error = ?, dead = ?, \
                           locked_by = NULL, locked_until = NULL \
         WHERE id = ? AND locked_by = ?",
    )
    .bind(next_attempt_at.naive_utc())
    .bind(error)
    .bind(i8::from(dead))
    .bind(id)
    .bind(holder)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What is known of one row: `None` when it is gone, else whether it is dead.
pub async fn is_dead(conn: &mut MySqlConnection, id: i64) -> Result<Option<bool>, sqlx::Error> {
    let row: Option<(i8,)> = sqlx::query_as("SELECT dead FROM outbox WHERE id = ?")
        .bind(id)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|(dead,)| dead != 0))
}

pub async fn count(conn: &mut MySqlConnection, dead: bool) -> Result<u64, sqlx::Error> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM outbox WHERE dead = ?")
        .bind(i8::from(dead))
        .fetch_one(conn)
        .await?;
    Ok(count.unsigned_abs())
}
