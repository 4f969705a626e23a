//! The table `payment_attempt`: a row for each call of the provider.

use chrono::{DateTime, NaiveDateTime, Utc};
use sqlx::MySqlConnection;

use crate::domain::{AskedBy, Kind};

/// A row.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    pub kind: String,
    pub asked_by: String,
    pub idempotency_key: String,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub code: Option<String>,
}

/// What a call is about.
#[derive(Debug, Clone)]
pub struct About {
    pub payment: i64,
    pub refund: Option<i64>,
    pub key: String,
    pub by: AskedBy,
}

/// Writes that a call begins; the row's id.
pub async fn begin(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    about: &About,
    kind: Kind,
) -> Result<i64, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO payment_attempt (payment_id, refund_id, kind, asked_by, idempotency_key, started_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(about.payment)
    .bind(about.refund)
    .bind(kind.word())
    .bind(about.by.word())
    .bind(&about.key)
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    i64::try_from(made.last_insert_id()).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// Writes what a call came to.
pub async fn end(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
    outcome: &str,
    code: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE payment_attempt SET ended_at = ?, outcome = ?, code = ? WHERE id = ? AND ended_at IS NULL",
    )
    .bind(now.naive_utc())
    .bind(outcome)
    .bind(code)
    .bind(id)
    .execute(conn)
    .await?;
    Ok(())
}

/// The latest calls about a payment and its refund, the newest first.
pub async fn of_payment(
    conn: &mut MySqlConnection,
    payment: i64,
    limit: u32,
) -> Result<Vec<AttemptRow>, sqlx::Error> {
    type Columns = (
        String,
        String,
        String,
        NaiveDateTime,
        Option<NaiveDateTime>,
        Option<String>,
        Option<String>,
    );
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT kind, asked_by, idempotency_key, started_at, ended_at, outcome, code FROM payment_attempt \
         WHERE payment_id = ? ORDER BY id DESC LIMIT ?",
    )
    .bind(payment)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let shown = |(kind, asked_by, key, started, ended, outcome, code): Columns| AttemptRow {
        kind,
        asked_by,
        idempotency_key: key,
        started_at: started.and_utc(),
        ended_at: ended.map(|at| at.and_utc()),
        outcome,
        code,
    };
    Ok(rows.into_iter().map(shown).collect())
}
