//! The SQL. Common subset of MySQL 8 and MariaDB 10.11. Every statement stands alone (autocommit), so that no lock is held
//! between two of them and fifty twins can't deadlock; only `complete` may be part of a handler's transaction.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_db::{is_duplicate, literal};
use sqlx::MySqlConnection;
use uuid::Uuid;

use crate::attempt::{Answer, Claim};

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// An attempt runs, or died.
    Running,
    /// An attempt ended without a definite answer.
    Free,
    /// The answer is stored.
    Done,
}

/// A key's row.
#[derive(Debug, Clone)]
pub struct Row {
    pub effect: Uuid,
    pub fingerprint: Vec<u8>,
    pub state: State,
    pub attempt: String,
    pub locked_until: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    /// With [`State::Done`].
    pub answer: Option<Answer>,
}

type Columns = (
    String,
    Vec<u8>,
    String,
    String,
    NaiveDateTime,
    NaiveDateTime,
    Option<i16>,
    Option<String>,
    Option<Vec<u8>>,
);

/// A new key; `false`: it is there already.
pub async fn insert(
    conn: &mut MySqlConnection,
    claim: &Claim,
    effect: Uuid,
    fingerprint: [u8; 32],
    now: DateTime<Utc>,
    locked_until: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO idempotency_key (caller, key_hash, effect, fingerprint, state, attempt, locked_until, created_at) \
         VALUES (?, ?, ?, ?, 'RUNNING', ?, ?, ?)",
    )
    .bind(claim.caller)
    .bind(claim.key_hash.as_slice())
    .bind(effect.to_string())
    .bind(fingerprint.as_slice())
    .bind(claim.attempt.to_string())
    .bind(locked_until.naive_utc())
    .bind(now.naive_utc())
    .execute(conn)
    .await;
    match done {
        Ok(_) => Ok(true),
        Err(error) if is_duplicate(&error, "PRIMARY") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The key as it stands.
pub async fn find(conn: &mut MySqlConnection, claim: &Claim) -> Result<Option<Row>, sqlx::Error> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT effect, fingerprint, state, attempt, locked_until, created_at, status, content_type, body \
         FROM idempotency_key WHERE caller = ? AND key_hash = ?",
    )
    .bind(claim.caller)
    .bind(claim.key_hash.as_slice())
    .fetch_optional(conn)
    .await?;
    columns.map(row).transpose()
}

fn row(columns: Columns) -> Result<Row, sqlx::Error> {
    let (effect, fingerprint, state, attempt, locked_until, created_at, status, content_type, body) =
        columns;
    let answer = status.map(|status| Answer {
        status: status.cast_unsigned(),
        content_type,
        body: body.unwrap_or_default().into(),
    });
    Ok(Row {
        effect: Uuid::parse_str(&effect).map_err(|error| sqlx::Error::Decode(error.into()))?,
        fingerprint,
        state: match state.as_str() {
            "DONE" => State::Done,
            "FREE" => State::Free,
            _ => State::Running,
        },
        attempt,
        locked_until: locked_until.and_utc(),
        created_at: created_at.and_utc(),
        answer,
    })
}

/// Makes the key this attempt's, if nobody was faster since it looked like `seen`.
pub async fn take_over(
    conn: &mut MySqlConnection,
    claim: &Claim,
    seen: &Row,
    locked_until: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE idempotency_key SET state = 'RUNNING', attempt = ?, locked_until = ? \
         WHERE caller = ? AND key_hash = ? AND attempt = ? AND state <> 'DONE' AND locked_until = ?",
    )
    .bind(claim.attempt.to_string())
    .bind(locked_until.naive_utc())
    .bind(claim.caller)
    .bind(claim.key_hash.as_slice())
    .bind(&seen.attempt)
    .bind(seen.locked_until.naive_utc())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a key whose time is over.
pub async fn remove_expired(
    conn: &mut MySqlConnection,
    claim: &Claim,
    seen: &Row,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM idempotency_key WHERE caller = ? AND key_hash = ? AND attempt = ? AND created_at = ?",
    )
    .bind(claim.caller)
    .bind(claim.key_hash.as_slice())
    .bind(&seen.attempt)
    .bind(seen.created_at.naive_utc())
    .execute(conn)
    .await
    .map(drop)
}

/// Stores the answer; `false`: another attempt has the key, or the answer is there already.
pub async fn complete(
    conn: &mut MySqlConnection,
    claim: &Claim,
    answer: &Answer,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE idempotency_key SET state = 'DONE', status = ?, content_type = ?, body = ? \
         WHERE caller = ? AND key_hash = ? AND attempt = ? AND state = 'RUNNING'",
    )
    .bind(answer.status.cast_signed())
    .bind(answer.content_type.as_deref())
    .bind(answer.body.as_ref())
    .bind(claim.caller)
    .bind(claim.key_hash.as_slice())
    .bind(claim.attempt.to_string())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// [`complete`] as text. Numbers, an id, and the rest as [`literal`]s: nothing of it can be taken for SQL.
pub fn completion(claim: &Claim, answer: &Answer) -> String {
    let content_type = match &answer.content_type {
        Some(text) => literal::text(text).to_string(),
        None => "NULL".to_owned(),
    };
    format!(
        "UPDATE idempotency_key SET state = 'DONE', status = {}, content_type = {content_type}, body = {} \
         WHERE caller = {} AND key_hash = {} AND attempt = '{}' AND state = 'RUNNING'",
        answer.status,
        literal::bytes(&answer.body),
        claim.caller,
        literal::bytes(&claim.key_hash),
        claim.attempt
    )
}

/// Gives the key back without an answer.
pub async fn free(conn: &mut MySqlConnection, claim: &Claim) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE idempotency_key SET state = 'FREE' \
         WHERE caller = ? AND key_hash = ? AND attempt = ? AND state = 'RUNNING'",
    )
    .bind(claim.caller)
    .bind(claim.key_hash.as_slice())
    .bind(claim.attempt.to_string())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes the key: nothing was begun under it.
pub async fn forget(conn: &mut MySqlConnection, claim: &Claim) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM idempotency_key WHERE caller = ? AND key_hash = ? AND attempt = ? AND state = 'RUNNING'",
    )
    .bind(claim.caller)
    .bind(claim.key_hash.as_slice())
    .bind(claim.attempt.to_string())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Goes on holding the key; `false`: it is another attempt's.
pub async fn renew(
    conn: &mut MySqlConnection,
    claim: &Claim,
    locked_until: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE idempotency_key SET locked_until = ? \
         WHERE caller = ? AND key_hash = ? AND attempt = ? AND state = 'RUNNING'",
    )
    .bind(locked_until.naive_utc())
    .bind(claim.caller)
    .bind(claim.key_hash.as_slice())
    .bind(claim.attempt.to_string())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes keys that were made before `before`, the oldest first, `limit` at most. One that runs stays.
pub async fn sweep(
    conn: &mut MySqlConnection,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(
        "DELETE FROM idempotency_key WHERE created_at <= ? AND (state <> 'RUNNING' OR locked_until <= ?) \
         ORDER BY created_at LIMIT ?",
    )
    .bind(before.naive_utc())
    .bind(now.naive_utc())
    .bind(limit)
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
