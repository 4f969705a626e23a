//! Table `wish`.

use chrono::{DateTime, Utc};
use mall_types::{ProductId, UserId};
use sqlx::MySqlConnection;

/// Violates `uq_wish_user_product` when it is there already.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    user: UserId,
    product: ProductId,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO wish (user_id, product_id, created_at) VALUES (?, ?, ?)")
        .bind(user.0)
        .bind(product.0)
        .bind(now.naive_utc())
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether it was there.
pub async fn delete(
    conn: &mut MySqlConnection,
    user: UserId,
    product: ProductId,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query("DELETE FROM wish WHERE user_id = ? AND product_id = ?")
        .bind(user.0)
        .bind(product.0)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn count(conn: &mut MySqlConnection, user: UserId) -> Result<i64, sqlx::Error> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM wish WHERE user_id = ?")
        .bind(user.0)
        .fetch_one(conn)
        .await?;
    Ok(count)
}

/// In the order in which they were added.
pub async fn list(conn: &mut MySqlConnection, user: UserId) -> Result<Vec<ProductId>, sqlx::Error> {
    let rows: Vec<(i64,)> =
        sqlx::query_as("SELECT product_id FROM wish WHERE user_id = ? ORDER BY id")
            .bind(user.0)
            .fetch_all(conn)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(product,)| ProductId(product))
        .collect())
}
