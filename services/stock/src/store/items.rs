//! `stock_item`: what there is of each product. Every update is guarded; the table's checks are the last word.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_db::padded;
use mall_types::ProductId;
use sqlx::{AssertSqlSafe, MySqlConnection};
use uuid::Uuid;

use super::repeated;
use crate::domain::Facts;

/// One product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// Pieces that can be reserved.
    pub available: i64,
    /// When it opens and how many one buyer may hold.
    pub facts: Facts,
}

/// What MySQL says of a product and of some request ids, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The product's name.
    pub name: String,
    /// Pieces that can be reserved.
    pub available: i64,
    /// Those of the asked ids that have a row for this product: their pieces are not in `available` any more.
    pub booked: HashSet<Uuid>,
}

type Row = (i64, String, i64, Option<NaiveDateTime>, Option<i64>);

fn item((id, name, available, opens, limit): Row) -> Item {
    Item {
        id: ProductId(id),
        name,
        available,
        facts: Facts {
            opens: opens.map(|time| time.and_utc()),
            limit,
        },
    }
}

/// Makes the product known with nothing, or renames it and changes its facts.
pub async fn put(
    conn: &mut MySqlConnection,
    id: ProductId,
    name: &str,
    facts: Facts,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO stock_item (product_id, name, opens_at, purchase_limit, updated_at) VALUES (?, ?, ?, ?, ?) \
         ON DUPLICATE KEY UPDATE limit_since = IF(purchase_limit <=> ?, limit_since, UTC_TIMESTAMP(6)), name = ?, opens_at = ?, \
         purchase_limit = ?, updated_at = ?",
    )
    .bind(id.0)
    .bind(name)
    .bind(facts.opens.map(|time| time.naive_utc()))
    .bind(facts.limit)
    .bind(now.naive_utc())
    .bind(facts.limit)
    .bind(name)
    .bind(facts.opens.map(|time| time.naive_utc()))
    .bind(facts.limit)
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    Ok(())
}

/// MySQL's clock.
pub async fn now(conn: &mut MySqlConnection) -> Result<DateTime<Utc>, sqlx::Error> {
    let now: NaiveDateTime = sqlx::query_scalar("SELECT UTC_TIMESTAMP(6)")
        .fetch_one(conn)
        .await?;
    Ok(now.and_utc())
}

/// The product.
pub async fn find(conn: &mut MySqlConnection, id: ProductId) -> Result<Option<Item>, sqlx::Error> {
    let row =
        sqlx::query_as("SELECT product_id, name, available, opens_at, purchase_limit FROM stock_item WHERE product_id = ?")
            .bind(id.0)
            .fetch_optional(conn)
            .await?;
    Ok(row.map(item))
}

/// When the product opens and what its limit is, and MySQL's clock.
pub async fn facts(
    conn: &mut MySqlConnection,
    id: ProductId,
) -> Result<Option<(Facts, DateTime<Utc>)>, sqlx::Error> {
    let row: Option<(Option<NaiveDateTime>, Option<i64>, NaiveDateTime)> = sqlx::query_as(
        "SELECT opens_at, purchase_limit, UTC_TIMESTAMP(6) FROM stock_item WHERE product_id = ?",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(opens, limit, now)| {
        let opens = opens.map(|time| time.and_utc());
        (Facts { opens, limit }, now.and_utc())
    }))
}

/// The product, locked until the transaction ends.
pub async fn lock(conn: &mut MySqlConnection, id: ProductId) -> Result<Option<Item>, sqlx::Error> {
    let row = sqlx::query_as(
        "SELECT product_id, name, available, opens_at, purchase_limit FROM stock_item WHERE product_id = ? FOR UPDATE",
    )
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(item))
}

/// Those of the products that are known.
pub async fn find_all(
    conn: &mut MySqlConnection,
    ids: &[ProductId],
) -> Result<Vec<Item>, sqlx::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = padded(ids);
    let sql = format!(
        "SELECT product_id, name, available, opens_at, purchase_limit FROM stock_item WHERE product_id IN ({})",
        repeated("?", ids.len())
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql));
    for id in ids {
        query = query.bind(id.0);
    }
    let rows: Vec<Row> = query.fetch_all(conn).await?;
    Ok(rows.into_iter().map(item).collect())
}

/// The next products after `after`, ascending.
pub async fn page(
    conn: &mut MySqlConnection,
    after: i64,
    limit: u32,
) -> Result<Vec<ProductId>, sqlx::Error> {
    let rows: Vec<(i64,)> = sqlx::query_as(
        "SELECT product_id FROM stock_item WHERE product_id > ? ORDER BY product_id LIMIT ?",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|(id,)| ProductId(id)).collect())
}

/// The product and which of `ids` have a row for it, in one statement, so that both are of the same moment.
pub async fn snapshot(
    conn: &mut MySqlConnection,
    id: ProductId,
    ids: &[Uuid],
) -> Result<Option<Snapshot>, sqlx::Error> {
    if ids.is_empty() {
        let item = find(conn, id).await?;
        return Ok(item.map(|item| Snapshot {
            name: item.name,
            available: item.available,
            booked: HashSet::new(),
        }));
    }
    let ids = padded(ids);
    let marks = repeated("?", ids.len());
    let sql = format!(
        "SELECT s.name, s.available, b.reservation_id FROM stock_item s LEFT JOIN \
         (SELECT reservation_id FROM reservation WHERE product_id = ? AND reservation_id IN ({marks}) \
          UNION ALL \
          SELECT reservation_id FROM reservation_line WHERE product_id = ? AND reservation_id IN ({marks})) b \
         ON 1 = 1 WHERE s.product_id = ?"
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(id.0);
    for asked in &ids {
        query = query.bind(asked);
    }
    query = query.bind(id.0);
    for asked in &ids {
        query = query.bind(asked);
    }
    let rows: Vec<(String, i64, Option<Uuid>)> = query.bind(id.0).fetch_all(conn).await?;
    let Some((name, available, _)) = rows.first() else {
        return Ok(None);
    };
    let (name, available) = (name.clone(), *available);
    Ok(Some(Snapshot {
        name,
        available,
        booked: rows.into_iter().filter_map(|(_, _, id)| id).collect(),
    }))
}

/// Changes supply and what is available alike. `false`: unknown, or it would go below zero.
pub async fn supply(
    conn: &mut MySqlConnection,
    id: ProductId,
    delta: i64,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE stock_item SET supplied = supplied + ?, available = available + ?, updated_at = ? \
         WHERE product_id = ? AND available + ? >= 0",
    )
    .bind(delta)
    .bind(delta)
    .bind(now.naive_utc())
    .bind(id.0)
    .bind(delta)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
