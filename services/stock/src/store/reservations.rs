//! `reservation` and `reservation_line`. A row is never deleted: its id is spent for ever.

use chrono::{DateTime, Utc};
use mall_db::padded;
use mall_stock_api::ReservationState;
use mall_types::{ProductId, UserId};
use sqlx::{AssertSqlSafe, MySqlConnection};
use uuid::Uuid;

use super::repeated;
use crate::domain::{Existing, Line};

/// The unique key of the ids.
pub const KEY: &str = "PRIMARY";

/// Spends an id without taking anything; a duplicate of [`KEY`] when it is spent already.
pub async fn insert_tombstone(
    conn: &mut MySqlConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO reservation (reservation_id, state, created_at, updated_at) VALUES (?, 'RELEASED', ?, ?)",
    )
    .bind(id)
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    Ok(())
}

type Header = (String, Option<i64>, Option<i64>, Option<i64>, i8);

/// The reservation.
pub async fn find(conn: &mut MySqlConnection, id: Uuid) -> Result<Option<Existing>, sqlx::Error> {
    let header: Option<Header> = sqlx::query_as(
        "SELECT state, buyer, product_id, quantity, counted FROM reservation WHERE reservation_id = ?",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    read(conn, id, header).await
}

async fn read(
    conn: &mut MySqlConnection,
    id: Uuid,
    header: Option<Header>,
) -> Result<Option<Existing>, sqlx::Error> {
    let Some((state, buyer, product, quantity, counted)) = header else {
        return Ok(None);
    };
    let state = ReservationState::parse(&state).ok_or_else(|| {
        sqlx::Error::Decode(format!("reservation {id} has the unknown state {state}").into())
    })?;
    let lines = match product.zip(quantity) {
        Some((product, quantity)) => vec![(line(product, quantity), counted != 0)],
        None => lines(conn, id).await?,
    };
    Ok(Some(Existing {
        id,
        state,
        buyer: buyer.map(UserId),
        counted: lines
            .iter()
            .filter(|(_, counted)| *counted)
            .map(|(line, _)| *line)
            .collect(),
        lines: lines.into_iter().map(|(line, _)| line).collect(),
    }))
}

fn line(product: i64, quantity: i64) -> Line {
    Line {
        product_id: ProductId(product),
        quantity,
    }
}

async fn lines(conn: &mut MySqlConnection, id: Uuid) -> Result<Vec<(Line, bool)>, sqlx::Error> {
    let rows: Vec<(i64, i64, i8)> = sqlx::query_as(
        "SELECT product_id, quantity, counted FROM reservation_line WHERE reservation_id = ? ORDER BY product_id",
    )
    .bind(id)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(product, quantity, counted)| (line(product, quantity), counted != 0))
        .collect())
}

/// Those of the ids that are spent.
pub async fn spent(conn: &mut MySqlConnection, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = padded(ids);
    let sql = format!(
        "SELECT reservation_id FROM reservation WHERE reservation_id IN ({})",
        repeated("?", ids.len())
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql));
    for id in ids {
        query = query.bind(id);
    }
    let rows: Vec<(Uuid,)> = query.fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
