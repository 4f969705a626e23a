//! `reservation`, as far as nobody has vouched for it yet. The index leads to these rows alone, however many others there are.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_db::padded;
use sqlx::{AssertSqlSafe, MySqlConnection};
use uuid::Uuid;

use super::repeated;

/// A reservation that nobody has vouched for.
#[derive(Clone, Copy, Debug)]
pub struct Unattached {
    /// Its id.
    pub id: Uuid,
    /// Since when it is there.
    pub since: DateTime<Utc>,
    /// Whether it still holds its pieces.
    pub held: bool,
}

/// Those from before `cutoff`, the oldest first, from behind `after` on.
pub async fn before(
    conn: &mut MySqlConnection,
    cutoff: DateTime<Utc>,
    after: Option<Unattached>,
    limit: usize,
) -> Result<Vec<Unattached>, sqlx::Error> {
    let since = after.map_or(NaiveDateTime::MIN.and_utc(), |last| last.since);
    let id = after.map_or(Uuid::nil(), |last| last.id);
    // MySQL's first day is later than chrono's.
    let since = since.max(DateTime::UNIX_EPOCH).naive_utc();
    let rows: Vec<(Uuid, NaiveDateTime, String)> = sqlx::query_as(
        "SELECT reservation_id, created_at, state FROM reservation \
         WHERE attached = 0 AND created_at <= ? AND created_at >= ? AND (created_at > ? OR reservation_id > ?) \
         ORDER BY created_at, reservation_id LIMIT ?",
    )
    .bind(cutoff.naive_utc())
    .bind(since)
    .bind(since)
    .bind(id)
    .bind(limit as u64)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, since, state)| Unattached {
            id,
            since: since.and_utc(),
            held: state == "HELD",
        })
        .collect())
}

/// Somebody has vouched for these.
pub async fn attach(conn: &mut MySqlConnection, ids: &[Uuid]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = padded(ids);
    let sql = format!(
        "UPDATE reservation SET attached = 1 WHERE reservation_id IN ({})",
        repeated("?", ids.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for id in ids {
        query = query.bind(id);
    }
    query.execute(conn).await?;
    Ok(())
}
