//! Rows that were given up, and their second life.

use chrono::{DateTime, Utc};
use mall_db::Db;

use crate::store;
use crate::unit::read;

/// A row that was given up and waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The row's id.
    pub id: i64,
    /// What the work is.
    pub topic: String,
    /// Whose order it was in.
    pub ordering_key: String,
    /// JSON, as it was enqueued.
    pub payload: String,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// How many deliveries have failed.
    pub attempts: i32,
    /// What the last one failed of.
    pub last_error: Option<String>,
}

pub async fn list(db: &Db, after: i64, limit: u32) -> Result<Vec<DeadLetter>, sqlx::Error> {
    read(db, "outbox_dead_letters", move |conn| {
        Box::pin(store::dead(conn, after, limit))
    })
    .await
}
