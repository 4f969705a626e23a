//! What writes new orders: two messages to the server behind BEGIN, however many orders share the transaction. The second one carries
//! the commit.
//!
//! As text, not prepared: a batch has any length, and a prepared statement for each length would neither fit the server's nor the
//! connection's cache. Texts stand in it as [`literal`]s, so that nothing of them can be taken for SQL.

use std::collections::HashMap;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use mall_db::literal;
use mall_types::OrderId;
use sqlx::{AssertSqlSafe, MySqlConnection, Row};

use super::orders::NewOrder;
use crate::domain::status::{PLACED, Status};

/// The unique key of reservations.
pub const RESERVATION: &str = "uq_orders_reservation";

/// The unique key of cart lines.
pub const CART_LINE: &str = "uq_order_line_cart";

/// A message does not grow far beyond this, so that no server refuses it (`max_allowed_packet` is 16 MiB by default). In bytes.
const LONG: usize = 1 << 20;

/// Writes into text; a `String` takes everything.
macro_rules! add {
    ($text:expr, $($what:tt)*) => {{
        let _ = write!($text, $($what)*);
    }};
}

/// Writes new orders, each waiting for its payment, and tells the number of each reservation's order, and whether the reservation
/// is fenced. A reservation that has its order violates [`RESERVATION`].
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    orders: &[&NewOrder],
) -> Result<HashMap<String, (OrderId, bool)>, sqlx::Error> {
    let (now, status) = (literal::time(now), Status::WaitingPaying.ordinal());
    let mut text = String::with_capacity(500 + orders.len() * 260);
    text.push_str(
        "INSERT INTO orders (user_id, status, order_date, status_since, reservation_id, total) VALUES ",
    );
    for (number, order) in orders.iter().enumerate() {
        text.push_str(if number == 0 { "(" } else { ",(" });
        let (user, total) = (order.user.0, order.total.0);
        let reservation = literal::text(&order.reservation);
        add!(text, "{user},{status},{now},{now},{reservation},{total})");
    }
    text.push_str(
        "; SELECT o.reservation_id, o.id, f.reservation_id IS NOT NULL FROM orders o \
         LEFT JOIN reservation_fence f ON f.reservation_id = o.reservation_id WHERE o.reservation_id IN (",
    );
    for (number, order) in orders.iter().enumerate() {
        text.push_str(if number == 0 { "" } else { "," });
        add!(text, "{}", literal::text(&order.reservation));
    }
    // A fence that is being written is waited for.
    text.push_str(") LOCK IN SHARE MODE");
    let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(conn).await?;
    rows.into_iter()
        .map(|row| {
            let id = OrderId(row.try_get(1)?);
            let fenced: i64 = row.try_get(2)?;
            Ok((row.try_get(0)?, (id, fenced != 0)))
        })
        .collect()
}

/// The rest of them - lines and history - and what stores the answers of `keys`, for the end of the transaction. What would make
/// that too long is written at once.
///
/// A cart line that was ordered before violates [`CART_LINE`]. Unless each of the keys changes a row, the end fails with a refused
/// NULL.
pub async fn rest(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    orders: &[(OrderId, &NewOrder)],
    keys: &[String],
) -> Result<String, sqlx::Error> {
    let mut statements = lines(orders);
    let mut end = statements.pop().unwrap_or_default();
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut *conn)
            .await?;
    }
    if !keys.is_empty() {
        end.push_str("; SET @kept = 0");
    }
    for key in keys {
        add!(end, "; {key}; SET @kept = @kept + ROW_COUNT()");
    }
    end.push_str("; INSERT INTO order_history (order_id, status, cause, at) VALUES ");
    let (now, status) = (literal::time(now), Status::WaitingPaying.ordinal());
    for (number, (order, _)) in orders.iter().enumerate() {
        match (number, keys.len()) {
            (0, 0) => add!(end, "({order}"),
            (0, all) => add!(end, "(IF(@kept = {all}, {order}, NULL)"),
            _ => add!(end, ",({order}"),
        }
        add!(end, ",{status},'{PLACED}',{now})");
    }
    Ok(end)
}

/// The lines of the orders, in statements of a good length.
fn lines(orders: &[(OrderId, &NewOrder)]) -> Vec<String> {
    let (mut statements, mut text) = (Vec::new(), String::new());
    for (order, new) in orders {
        for (line, number) in new.lines.iter().zip(1..) {
            if text.len() >= LONG {
                statements.push(std::mem::take(&mut text));
            }
            text.push_str(match text.is_empty() {
                true => "INSERT INTO order_line (order_id, line_no, product_id, product_name, price, quantity, cart_id) VALUES ",
                false => ",",
            });
            let (product, name) = (line.product.0, literal::text(&line.name));
            add!(text, "({order},{number},{product},{name},");
            add!(text, "{},{},", line.price.0, line.quantity);
            match line.cart {
                Some(cart) => add!(text, "{})", cart.0),
                None => text.push_str("NULL)"),
            }
        }
    }
    statements.push(text);
    statements
}

#[cfg(test)]
mod tests {
    use mall_types::{ProductId, UserId, Won};

    use super::*;
    use crate::domain::line::Line;

    #[test]
    fn no_statement_is_too_long_for_a_server() {
        let line = Line {
            product: ProductId(1),
            name: "컵".repeat(255),
            price: Won(1),
            quantity: 1,
            cart: None,
        };
        let new = NewOrder {
            user: UserId(1),
            reservation: String::new(),
            lines: vec![line; 200],
            total: Won(200),
        };
        let statements = lines(&vec![(OrderId(1), &new); 128]);
        assert!(statements.len() > 30);
        assert!(statements.iter().all(|text| text.len() < LONG + 4096));
        let rows: usize = statements
            .iter()
            .map(|text| text.matches("(1,").count())
            .sum();
        assert_eq!(rows, 128 * 200);
    }
}
