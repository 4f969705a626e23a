//! `allowance`: what each buyer holds of a product with a limit.
//!
//! [`add`] locks the buyers' rows until the transaction ends, also those that it makes, so what it says afterwards is what will
//! be: two instances can't both see room for the last piece. As text, for the reason in [`super::bookings`].

use std::fmt::Write;

use mall_types::{ProductId, UserId};
use sqlx::{AssertSqlSafe, MySqlConnection, Row};

/// Sets or adds; each buyer once, ascending, so that transactions queue instead of deadlocking.
fn upsert(id: ProductId, rows: &[(UserId, i64)], set: &str) -> String {
    let mut text = String::with_capacity(150 + rows.len() * 64);
    text.push_str("INSERT INTO allowance (product_id, buyer, taken) VALUES ");
    for (number, (buyer, pieces)) in rows.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // A `String` takes everything.
        let _ = write!(text, "{comma}({},{},{pieces})", id.0, buyer.0);
    }
    let _ = write!(text, " ON DUPLICATE KEY UPDATE taken = {set}");
    text
}

/// Adds to what the buyers hold; each buyer once, ascending. Says who holds more than `limit` by that, and how many.
pub async fn add(
    conn: &mut MySqlConnection,
    id: ProductId,
    more: &[(UserId, i64)],
    limit: i64,
) -> Result<Vec<(UserId, i64)>, sqlx::Error> {
    if more.is_empty() {
        return Ok(Vec::new());
    }
    let mut text = upsert(id, more, "taken + VALUES(taken)");
    let _ = write!(
        text,
        "; SELECT buyer, taken FROM allowance WHERE product_id = {} AND taken > {limit} AND buyer IN (",
        id.0
    );
    for (number, (buyer, _)) in more.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}", buyer.0);
    }
    text.push(')');
    let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(conn).await?;
    rows.iter()
        .map(|row| Ok((UserId(row.try_get(0)?), row.try_get(1)?)))
        .collect()
}

/// Sets what the buyers hold; only for rows that this transaction has locked.
pub async fn set(
    conn: &mut MySqlConnection,
    id: ProductId,
    held: &[(UserId, i64)],
) -> Result<(), sqlx::Error> {
    if held.is_empty() {
        return Ok(());
    }
    let text = upsert(id, held, "VALUES(taken)");
    sqlx::raw_sql(AssertSqlSafe(text)).execute(conn).await?;
    Ok(())
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
