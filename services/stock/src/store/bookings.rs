//! A batch of reservations of one product, booked by one message to the server.
//!
//! As text, not prepared: the batch has any length, and a prepared statement for each length would neither fit the server's nor the
//! connection's cache. Only numbers, ids and times stand in it, written by this file.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use mall_types::{ProductId, UserId};
use sqlx::{AssertSqlSafe, MySqlConnection};
use uuid::Uuid;

use super::movements::Movement;

/// A reservation of one product, to be booked with others.
#[derive(Clone, Copy, Debug)]
pub struct Hold {
    /// The caller's id.
    pub id: Uuid,
    /// Who buys.
    pub buyer: UserId,
    /// Pieces.
    pub quantity: i64,
}

/// The id as a literal.
pub(super) fn id(text: &mut String, id: Uuid) {
    let mut buffer = Uuid::encode_buffer();
    text.push_str("0x");
    text.push_str(id.simple().encode_lower(&mut buffer));
}

/// The time as a literal, to the microsecond.
fn time(at: DateTime<Utc>) -> String {
    at.naive_utc().format("'%Y-%m-%d %H:%M:%S%.6f'").to_string()
}

/// Writes into text; a `String` takes everything.
macro_rules! add {
    ($text:expr, $($what:tt)*) => {{
        let _ = write!($text, $($what)*);
    }};
}

/// Books all of `holds` and moves their pieces from available to held.
///
/// `false`: the guard said no - nothing oversells, whatever Redis showed; nothing is sold before it opens; and the limit is the one
/// that was counted against. The transaction must then be rolled back. A duplicate of [`super::reservations::KEY`] when one of the
/// ids is spent.
pub async fn book(
    conn: &mut MySqlConnection,
    product: ProductId,
    holds: &[Hold],
    limit: Option<i64>,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let Some(first) = holds.first() else {
        return Ok(true);
    };
    let now = time(now);
    let counted = i8::from(limit.is_some());
    let mut text = String::with_capacity(600 + holds.len() * 128);
    text.push_str(
        "INSERT INTO reservation (reservation_id, state, buyer, product_id, quantity, counted, created_at, updated_at) VALUES ",
    );
    let mut pieces = 0_i64;
    for (number, hold) in holds.iter().enumerate() {
        pieces += hold.quantity;
        text.push_str(if number == 0 { "(" } else { ",(" });
        id(&mut text, hold.id);
        let (buyer, quantity) = (hold.buyer.0, hold.quantity);
        add!(
            text,
            ",'HELD',{buyer},{},{quantity},{counted},{now},{now})",
            product.0
        );
    }
    let limit = limit.map_or_else(|| "NULL".to_owned(), |limit| limit.to_string());
    // Last, because everybody else waits for this row from here to the commit.
    add!(
        text,
        "; UPDATE stock_item SET available = available - {pieces}, held = held + {pieces}, updated_at = {now} \
         WHERE product_id = {} AND available >= {pieces} AND (opens_at IS NULL OR opens_at <= {now}) \
         AND purchase_limit <=> {limit}",
        product.0
    );
    let [supplied, available, held, sold] = Movement::Hold(pieces).deltas();
    add!(
        text,
        "; INSERT INTO stock_movement (product_id, kind, supplied, available, held, sold, reservations, reference, created_at) \
         VALUES ({}, '{}', {supplied}, {available}, {held}, {sold}, {}, '{}', {now})",
        product.0,
        Movement::Hold(pieces).kind(),
        holds.len(),
        first.id
    );
    let mut results = sqlx::raw_sql(AssertSqlSafe(text)).execute_many(conn);
    let mut changed = Vec::with_capacity(3);
    while let Some(result) = results.try_next().await? {
        changed.push(result.rows_affected());
    }
    Ok(changed.get(1) == Some(&1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        let mut text = String::new();
        id(&mut text, Uuid::from_u128(0xab));
        assert_eq!(text, "0x000000000000000000000000000000ab");
        let at = "2027-05-01T01:00:00.25Z".parse().unwrap();
        assert_eq!(time(at), "'2027-05-01 01:00:00.250000'");
    }
}
