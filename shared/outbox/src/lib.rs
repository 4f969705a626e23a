//! Transactional outbox: work that must follow a change, written with the change.
//!
//! A service calls [`enqueue`] inside the transaction that makes the change. A [`Relay`] in every replica takes due rows
//! under a lease, hands them to the service's [`Deliver`], and deletes a row once it is delivered. What is promised:
//!
//! * **At least once.** A row goes only after `deliver` returned `Ok`. A crash between the two repeats the delivery, so
//!   every receiver is idempotent.
//! * **Order per key.** A row is only taken when no older living row has its `ordering_key`. "Older" is the smaller id, so
//!   transactions that enqueue under one key must be serialised among themselves (they change the same row first, say).
//! * **Any number of replicas.** A row is leased to one relay at a time; a relay that dies loses its rows to the others
//!   when the lease ends.
//! * **A dead row does not block its key.** It stays in the table for a person to look at ([`Relay::list_dead`]) and to try
//!   again ([`retry_dead`]), and later rows go on.
//! * **Nobody waits for the slowest.** Each row is delivered for itself; a slow one holds up its own key and one place.
//!
//! Reading order: `table.sql`, [`enqueue`], `store.rs`, `relay.rs`, `take.rs`, `delivery.rs`.

mod backoff;
mod dead;
mod delivery;
mod relay;
mod store;
mod take;
mod unit;

pub use dead::DeadLetter;
pub use relay::{Outcome, Relay, RelaySettings};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::MySqlConnection;

/// The table's definition. A service copies it into one of its own migrations.
pub const TABLE_SQL: &str = include_str!("table.sql");

/// One row, as it is handed to [`Deliver`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The row's id; a receiver may use it as its idempotency key.
    pub id: i64,
    /// What the work is; the service chooses its handler by it.
    pub topic: String,
    /// Rows with the same key are delivered one after the other, in the order of their ids.
    pub ordering_key: String,
    /// JSON, as it was given to [`enqueue`].
    pub payload: String,
    /// How many deliveries have failed before this one.
    pub attempts: i32,
}

/// Why a message was not delivered. The texts are stored and logged: no personal data in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliverError {
    /// It may go better later: the row waits for its backoff.
    #[error("to be retried: {0}")]
    Retry(String),
    /// It can never succeed: the row is kept, marked dead, and not tried again.
    #[error("given up: {0}")]
    Dead(String),
}

/// The service's side of the relay.
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Does the work of one message. Called concurrently for different ordering keys, and again after a crash.
    ///
    /// A call that takes longer than three quarters of the lease is dropped and counts as `Retry`.
    async fn deliver(&self, message: &Message) -> Result<(), DeliverError>;
}

/// Adds a message in the caller's transaction; it is seen by relays once that transaction commits.
///
/// `topic` and `ordering_key` are at most 64 characters. Call [`Relay::kick`] after the commit for delivery at once.
/// Returns the row's id, for [`Relay::deliver_now`].
pub async fn enqueue(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    topic: &str,
    ordering_key: &str,
    payload: &impl Serialize,
) -> Result<i64, sqlx::Error> {
    let payload =
        serde_json::to_string(payload).map_err(|error| sqlx::Error::Encode(error.into()))?;
    store::insert(conn, now, topic, ordering_key, &payload).await
}

/// A message for [`enqueue_all`] and [`enqueue_entry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// At most 64 characters.
    pub topic: &'static str,
    /// At most 64 characters.
    pub ordering_key: String,
    payload: String,
}

impl Entry {
    /// A message that carries `payload` as JSON.
    pub fn new(
        topic: &'static str,
        ordering_key: String,
        payload: &impl Serialize,
    ) -> Result<Entry, sqlx::Error> {
        let payload =
            serde_json::to_string(payload).map_err(|error| sqlx::Error::Encode(error.into()))?;
        Ok(Entry {
            topic,
            ordering_key,
            payload,
        })
    }
}

/// [`enqueue`] of a message that was made before.
pub async fn enqueue_entry(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<i64, sqlx::Error> {
    store::insert(conn, now, entry.topic, &entry.ordering_key, &entry.payload).await
}

/// So many rows are one statement.
const ROWS: usize = 1000;

/// Adds many messages in the caller's transaction, with few statements; see [`enqueue`].
pub async fn enqueue_all(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    entries: &[Entry],
) -> Result<(), sqlx::Error> {
    for entries in entries.chunks(ROWS) {
        store::insert_all(conn, now, entries).await?;
    }
    Ok(())
}

/// Gives a row that was given up another life, as if it had never failed; false when there is no such dead row. Call
/// [`Relay::kick`] after the commit.
///
/// Rows of its key that came after it may have been delivered meanwhile, or be delivered beside it: being dead cost it
/// its place in the order.
pub async fn retry_dead(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
) -> Result<bool, sqlx::Error> {
    store::revive(conn, now, id).await
}
