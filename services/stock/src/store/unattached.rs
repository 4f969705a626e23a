//! `unattached`: the reservations that nobody has vouched for yet. It holds these alone, however many others there are: what books writes
//! its ids here in the same transaction, and who has asked about them takes them out.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_db::padded;
use sqlx::{AssertSqlSafe, MySqlConnection};
use uuid::Uuid;

use super::repeated;

/// Reservations that were booked together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// When; with `first` its key.
    pub since: DateTime<Utc>,
    /// One of the ids that were booked.
    pub first: Uuid,
    /// Those that nobody has vouched for.
    pub ids: Vec<Uuid>,
}

/// Those from before `cutoff`, the oldest first, from behind `after` on.
pub async fn before(
    conn: &mut MySqlConnection,
    cutoff: DateTime<Utc>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: usize,
) -> Result<Vec<Batch>, sqlx::Error> {
    let (since, first) = after.unwrap_or((DateTime::UNIX_EPOCH, Uuid::nil()));
    let since = since.naive_utc();
    let rows: Vec<(NaiveDateTime, Uuid, Vec<u8>)> = sqlx::query_as(
        "SELECT created_at, first, ids FROM unattached \
         WHERE created_at <= ? AND created_at >= ? AND (created_at > ? OR first > ?) ORDER BY created_at, first LIMIT ?",
    )
    .bind(cutoff.naive_utc())
    .bind(since)
    .bind(since)
    .bind(first)
    .bind(limit as u64)
    .fetch_all(conn)
    .await?;
    let batch = |(since, first, ids): (NaiveDateTime, Uuid, Vec<u8>)| Batch {
        since: since.and_utc(),
        first,
        ids: read(&ids),
    };
    Ok(rows.into_iter().map(batch).collect())
}

/// What is left of the batch: nothing, and it is gone.
pub async fn leave(conn: &mut MySqlConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let query = if batch.ids.is_empty() {
        sqlx::query("DELETE FROM unattached WHERE created_at = ? AND first = ?")
    } else {
        sqlx::query("UPDATE unattached SET ids = ? WHERE created_at = ? AND first = ?")
            .bind(write(&batch.ids))
    };
    query
        .bind(batch.since.naive_utc())
        .bind(batch.first)
        .execute(conn)
        .await?;
    Ok(())
}

/// Those of the ids that still hold their pieces.
pub async fn held(conn: &mut MySqlConnection, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = padded(ids);
    let sql = format!(
        "SELECT reservation_id FROM reservation WHERE state = 'HELD' AND reservation_id IN ({})",
        repeated("?", ids.len())
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql));
    for id in ids {
        query = query.bind(id);
    }
    let rows: Vec<(Uuid,)> = query.fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

fn read(ids: &[u8]) -> Vec<Uuid> {
    ids.as_chunks()
        .0
        .iter()
        .copied()
        .map(Uuid::from_bytes)
        .collect()
}

fn write(ids: &[Uuid]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.into_bytes()).collect()
}
