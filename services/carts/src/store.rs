//! The SQL, one statement a function.

use chrono::{DateTime, Utc};
use mall_types::{CartId, ProductId, UserId};
use sqlx::{AssertSqlSafe, MySqlConnection};

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CartLine {
    pub id: CartId,
    pub product: ProductId,
    pub count: i32,
}

pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    user: UserId,
    product: ProductId,
    count: i32,
) -> Result<CartId, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO cart (user_id, product_id, count, created_at) VALUES (?, ?, ?, ?)",
    )
    .bind(user.0)
    .bind(product.0)
    .bind(count)
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    i64::try_from(done.last_insert_id())
        .map(CartId)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

pub async fn count_lines(conn: &mut MySqlConnection, user: UserId) -> Result<i64, sqlx::Error> {
    let (count,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM cart WHERE user_id = ?")
        .bind(user.0)
        .fetch_one(conn)
        .await?;
    Ok(count)
}

/// Whether the line was there and this user's.
pub async fn set_count(
    conn: &mut MySqlConnection,
    user: UserId,
    line: CartId,
    count: i32,
) -> Result<bool, sqlx::Error> {
    // sqlx connects with CLIENT_FOUND_ROWS: a row that has this count already is affected too.
    let done = sqlx::query("UPDATE cart SET count = ? WHERE cart_id = ? AND user_id = ?")
        .bind(count)
        .bind(line.0)
        .bind(user.0)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes those of these lines that are this user's; returns how many.
pub async fn remove(
    conn: &mut MySqlConnection,
    user: UserId,
    lines: &[CartId],
) -> Result<u64, sqlx::Error> {
    if lines.is_empty() {
        return Ok(0);
    }
    let marks = vec!["?"; lines.len()].join(", ");
    let sql = format!("DELETE FROM cart WHERE user_id = ? AND cart_id IN ({marks})");
    let mut query = sqlx::query(AssertSqlSafe(sql))
        .persistent(lines.len() == 1)
        .bind(user.0);
    for line in lines {
        query = query.bind(line.0);
    }
    Ok(query.execute(conn).await?.rows_affected())
}

/// A user's lines, oldest first.
pub async fn lines(conn: &mut MySqlConnection, user: UserId) -> Result<Vec<CartLine>, sqlx::Error> {
    let rows: Vec<(i64, i64, i32)> = sqlx::query_as(
        "SELECT cart_id, product_id, count FROM cart WHERE user_id = ? ORDER BY cart_id",
    )
    .bind(user.0)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(id, product, count)| CartLine {
            id: CartId(id),
            product: ProductId(product),
            count,
        })
        .collect())
}
