//! The table `reservation_fence`: reservations that must not become an order any more.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use mall_db::{padded, pieces};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use super::orders;

/// Rows of one statement.
const ROWS: usize = 256;

/// Makes sure that those of these reservations that have no order get none; answers which have one.
///
/// An order that is being written at this moment is waited for. It in turn finds the fence with [`orders::written`], or waits for
/// it; when both wait, the server ends one of the two transactions, which is run again.
pub async fn fence(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    reservations: &[String],
) -> Result<HashSet<String>, sqlx::Error> {
    let mut ordered = orders::with_reservation(conn, reservations, "").await?;
    let mut open: Vec<String> = reservations
        .iter()
        .filter(|id| !ordered.contains(*id))
        .cloned()
        .collect();
    // In one order for everybody.
    open.sort_unstable();
    open.dedup();
    insert(conn, now, &open).await?;
    let late = orders::with_reservation(conn, &open, " LOCK IN SHARE MODE").await?;
    open.retain(|id| !late.contains(id));
    delete(conn, &late.iter().cloned().collect::<Vec<_>>()).await?;
    ordered.extend(late);
    Ok(ordered)
}

async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    reservations: &[String],
) -> Result<(), sqlx::Error> {
    for piece in pieces(reservations, ROWS) {
        let mut query = QueryBuilder::<MySql>::new(
            "INSERT INTO reservation_fence (reservation_id, created_at) ",
        );
        query.push_values(piece, |mut row, id| {
            row.push_bind(id).push_bind(now.naive_utc());
        });
        query.push(" ON DUPLICATE KEY UPDATE reservation_id = reservation_id");
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

async fn delete(conn: &mut MySqlConnection, reservations: &[String]) -> Result<(), sqlx::Error> {
    if reservations.is_empty() {
        return Ok(());
    }
    let mut query =
        QueryBuilder::<MySql>::new("DELETE FROM reservation_fence WHERE reservation_id IN (");
    let mut list = query.separated(", ");
    for id in padded(reservations) {
        list.push_bind(id);
    }
    query.push(")");
    query.build().execute(conn).await?;
    Ok(())
}
