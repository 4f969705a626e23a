//! The table `webhook_event`.

use chrono::{DateTime, NaiveDateTime, Utc};
use sqlx::MySqlConnection;

use crate::provider::webhook::Event;

/// What is known of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It came for the first time, and is written down now.
    New,
    /// The very same message was let in before.
    Replayed {
        /// Then.
        at: DateTime<Utc>,
        /// Whether it was seen to.
        done: bool,
    },
    /// The same event in another message: the provider sends it again.
    SentAgain {
        /// Whether it was seen to.
        done: bool,
    },
}

/// Writes a webhook down, or tells when it came before.
pub async fn receive(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    provider: &str,
    event: &Event,
    order: i64,
) -> Result<Known, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO webhook_event (provider, event_id, digest, order_id, kind, status, received_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(provider)
    .bind(&event.id)
    .bind(&event.digest)
    .bind(order)
    .bind(&event.kind)
    .bind(&event.status)
    .bind(now.naive_utc())
    .execute(&mut *conn)
    .await;
    match made {
        Ok(_) => return Ok(Known::New),
        Err(error)
            if mall_db::is_duplicate(&error, "PRIMARY")
                || mall_db::is_duplicate(&error, "uq_webhook_event_digest") => {}
        Err(error) => return Err(error),
    }
    let (digest, received, done): (String, NaiveDateTime, Option<NaiveDateTime>) = sqlx::query_as(
        "SELECT digest, received_at, done_at FROM webhook_event \
         WHERE provider = ? AND (digest = ? OR event_id = ?) ORDER BY digest = ? DESC LIMIT 1",
    )
    .bind(provider)
    .bind(&event.digest)
    .bind(&event.id)
    .bind(&event.digest)
    .fetch_one(conn)
    .await?;
    let done = done.is_some();
    Ok(if digest == event.digest {
        let at = received.and_utc();
        Known::Replayed { at, done }
    } else {
        Known::SentAgain { done }
    })
}

/// Writes that a webhook was seen to.
pub async fn done(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    provider: &str,
    event: &Event,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webhook_event SET done_at = ? WHERE provider = ? AND (event_id = ? OR digest = ?) AND done_at IS NULL",
    )
    .bind(now.naive_utc())
    .bind(provider)
    .bind(&event.id)
    .bind(&event.digest)
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes webhooks from before `cutoff`, at most `limit`; how many.
pub async fn forget(
    conn: &mut MySqlConnection,
    cutoff: DateTime<Utc>,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let done = sqlx::query("DELETE FROM webhook_event WHERE received_at < ? LIMIT ?")
        .bind(cutoff.naive_utc())
        .bind(limit)
        .execute(conn)
        .await?;
    Ok(done.rows_affected())
}
