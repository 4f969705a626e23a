//! The SQL. Common subset of MySQL 8 and MariaDB 10.11.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_db::{padded, pieces};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use crate::{DeadLetter, Entry, Message};

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

/// Rows of one statement.
const ROWS: usize = 256;

/// Writes many rows, in statements of few lengths, so that they can be kept.
pub async fn insert_all(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    entries: &[Entry],
) -> Result<(), sqlx::Error> {
    for piece in pieces(entries, ROWS) {
        let mut query = QueryBuilder::<MySql>::new(
            "INSERT INTO outbox (topic, ordering_key, payload, created_at, next_attempt_at, attempts, dead) ",
        );
        query.push_values(piece, |mut row, entry| {
            row.push_bind(entry.topic)
                .push_bind(&entry.ordering_key)
                .push_bind(&entry.payload)
                .push_bind(now.naive_utc())
                .push_bind(now.naive_utc())
                .push_bind(0_i32)
                .push_bind(0_i8);
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// Rows that look free, without locking them: due, not leased, and the oldest of their key. The answer may be stale at
/// once; [`lease`] decides.
///
/// The indexes are named: the table is empty most of the time, and a server that still believes so when a scheduler has filled it
/// would read all of it for every look.
pub async fn candidates(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<i64>, sqlx::Error> {
    let ids: Vec<(i64,)> = sqlx::query_as(
        "SELECT o.id FROM outbox o FORCE INDEX (ix_outbox_due) \
         WHERE o.dead = 0 AND o.next_attempt_at <= ? AND (o.locked_until IS NULL OR o.locked_until <= ?) \
           AND NOT EXISTS (SELECT 1 FROM outbox older FORCE INDEX (ix_outbox_key) \
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

/// This row, if it is the oldest living one of its key, and free. Its backoff is not asked for: see `Relay::deliver_now`. The
/// answer may be stale at once; [`lease_one`] decides.
pub async fn candidate(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
) -> Result<Option<Message>, sqlx::Error> {
    let found: Option<Row> = sqlx::query_as(
        "SELECT o.id, o.topic, o.ordering_key, o.payload, o.attempts FROM outbox o \
         WHERE o.id = ? AND o.dead = 0 AND (o.locked_until IS NULL OR o.locked_until <= ?) \
           AND NOT EXISTS (SELECT 1 FROM outbox older FORCE INDEX (ix_outbox_key) \
                           WHERE older.ordering_key = o.ordering_key AND older.id < o.id AND older.dead = 0)",
    )
    .bind(id)
    .bind(now.naive_utc())
    .fetch_optional(conn)
    .await?;
    Ok(found.map(message))
}

/// Leases one row to `holder`; `false` when it is gone, dead, or another relay's. As with [`lease`], it is still the oldest of its
/// key when it was.
pub async fn lease_one(
    conn: &mut MySqlConnection,
    id: i64,
    now: DateTime<Utc>,
    holder: &str,
    until: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE outbox SET locked_by = ?, locked_until = ? \
         WHERE id = ? AND dead = 0 AND (locked_until IS NULL OR locked_until <= ?)",
    )
    .bind(holder)
    .bind(until.naive_utc())
    .bind(id)
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Leases rows to `holder`, except those that another relay has or is just taking. Inside a transaction.
///
/// The rows are read again under their locks: what [`candidates`] said may have been overtaken. That each is the oldest of
/// its key can't have been: older rows only go away (a dead one that was given a second life has lost its place).
pub async fn lease(
    conn: &mut MySqlConnection,
    ids: &[i64],
    now: DateTime<Utc>,
    holder: &str,
    until: DateTime<Utc>,
) -> Result<Vec<Message>, sqlx::Error> {
    let mut query = QueryBuilder::<MySql>::new(
        "SELECT id, topic, ordering_key, payload, attempts FROM outbox FORCE INDEX (PRIMARY) WHERE dead = 0 AND (locked_until IS NULL OR locked_until <= ",
    );
    query.push_bind(now.naive_utc()).push(") AND id IN ");
    push_ids(&mut query, ids);
    query.push(" ORDER BY id FOR UPDATE SKIP LOCKED");
    let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *conn).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let messages: Vec<Message> = rows.into_iter().map(message).collect();
    let ids: Vec<i64> = messages.iter().map(|message| message.id).collect();
    let mut query = QueryBuilder::<MySql>::new("UPDATE outbox SET locked_by = ");
    query
        .push_bind(holder)
        .push(", locked_until = ")
        .push_bind(until.naive_utc())
        .push(" WHERE id IN ");
    push_ids(&mut query, &ids);
    query.build().execute(conn).await?;
    Ok(messages)
}

/// `(?, ?, ?)`, of few lengths, so that the statement can be kept: one that is not costs a stall of 40 ms over TCP.
fn push_ids(query: &mut QueryBuilder<MySql>, ids: &[i64]) {
    query.push("(");
    let mut list = query.separated(", ");
    for id in padded(ids) {
        list.push_bind(id);
    }
    query.push(")");
}

/// Removes delivered rows. Whoever delivered one may remove it, even when its lease has passed: the work is done.
pub async fn delete(conn: &mut MySqlConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<MySql>::new("DELETE FROM outbox WHERE id IN ");
    push_ids(&mut query, ids);
    query.build().execute(conn).await?;
    Ok(())
}

/// What becomes of a row that was not delivered.
#[derive(Debug, Clone)]
pub struct Failure {
    pub id: i64,
    pub holder: String,
    pub next_attempt_at: DateTime<Utc>,
    pub error: String,
    pub dead: bool,
}

/// Gives a failed row back; `false` when the lease was no longer this holder's.
pub async fn give_back(conn: &mut MySqlConnection, failure: &Failure) -> Result<bool, sqlx::Error> {
    let error: String = failure.error.chars().take(255).collect();
    let done = sqlx::query(
        "UPDATE outbox SET attempts = attempts + 1, next_attempt_at = ?, last_error = ?, dead = ?, \
                           locked_by = NULL, locked_until = NULL \
         WHERE id = ? AND locked_by = ?",
    )
    .bind(failure.next_attempt_at.naive_utc())
    .bind(error)
    .bind(i8::from(failure.dead))
    .bind(failure.id)
    .bind(&failure.holder)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Dead rows behind `after`, by id. They are few, so that sorting them is cheaper than passing all living ones by.
pub async fn dead(
    conn: &mut MySqlConnection,
    after: i64,
    limit: u32,
) -> Result<Vec<DeadLetter>, sqlx::Error> {
    type Columns = (
        i64,
        String,
        String,
        String,
        NaiveDateTime,
        i32,
        Option<String>,
    );
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, topic, ordering_key, payload, created_at, attempts, last_error FROM outbox \
         FORCE INDEX (ix_outbox_due) WHERE dead = 1 AND id > ? ORDER BY id LIMIT ?",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let letter = |(id, topic, ordering_key, payload, created_at, attempts, last_error): Columns| {
        DeadLetter {
            id,
            topic,
            ordering_key,
            payload,
            created_at: created_at.and_utc(),
            attempts,
            last_error,
        }
    };
    Ok(rows.into_iter().map(letter).collect())
}

/// Makes a dead row due, as if it had never failed; what it failed of stays to be read until it fails again.
pub async fn revive(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE outbox SET dead = 0, attempts = 0, next_attempt_at = ? WHERE id = ? AND dead = 1",
    )
    .bind(now.naive_utc())
    .bind(id)
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
