//! `allowance`: what each buyer holds of a product with a limit.
//!
//! [`add`] locks the buyers' rows until the transaction ends, also those that it makes, so what [`taken`] says afterwards is
//! what will be: two instances can't both see room for the last piece.

use mall_types::{ProductId, UserId};
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::repeated;

async fn upsert(
    conn: &mut MySqlConnection,
    id: ProductId,
    rows: &[(UserId, i64)],
    set: &str,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO allowance (product_id, buyer, taken) VALUES {} ON DUPLICATE KEY UPDATE taken = {set}",
        repeated("(?, ?, ?)", rows.len())
    );
    let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    for (buyer, pieces) in rows {
        query = query.bind(id.0).bind(buyer.0).bind(pieces);
    }
    query.execute(conn).await?;
    Ok(())
}

/// Adds to what the buyers hold; each buyer once, ascending, so that transactions queue instead of deadlocking.
pub async fn add(
    conn: &mut MySqlConnection,
    id: ProductId,
    more: &[(UserId, i64)],
) -> Result<(), sqlx::Error> {
    upsert(conn, id, more, "taken + VALUES(taken)").await
}

/// Sets what the buyers hold; only for rows that this transaction has locked.
pub async fn set(
    conn: &mut MySqlConnection,
    id: ProductId,
    held: &[(UserId, i64)],
) -> Result<(), sqlx::Error> {
    upsert(conn, id, held, "VALUES(taken)").await
}

/// Those of the buyers who hold more than `limit`, with what they hold.
pub async fn over(
    conn: &mut MySqlConnection,
    id: ProductId,
    buyers: &[(UserId, i64)],
    limit: i64,
) -> Result<Vec<(UserId, i64)>, sqlx::Error> {
    if buyers.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT buyer, taken FROM allowance WHERE product_id = ? AND taken > ? AND buyer IN ({})",
        repeated("?", buyers.len())
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql))
        .persistent(false)
        .bind(id.0)
        .bind(limit);
    for (buyer, _) in buyers {
        query = query.bind(buyer.0);
    }
    let rows: Vec<(i64, i64)> = query.fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(buyer, taken)| (UserId(buyer), taken))
        .collect())
}

/// Gives an allowance back. `false`: the buyer does not hold so many.
pub async fn give_back(
    conn: &mut MySqlConnection,
    id: ProductId,
    buyer: UserId,
    pieces: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE allowance SET taken = taken - ? WHERE product_id = ? AND buyer = ? AND taken >= ?",
    )
    .bind(pieces)
    .bind(id.0)
    .bind(buyer.0)
    .bind(pieces)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
