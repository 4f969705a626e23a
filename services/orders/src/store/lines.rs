//! The table `order_line`.

use mall_db::{padded, pieces};
use mall_types::{CartId, OrderId};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use crate::domain::line::Line;

/// Rows of one statement.
const ROWS: usize = 64;

/// Writes lines, each with its order and its number in it. A cart line that was ordered before violates `uq_order_line_cart`.
pub async fn insert(
    conn: &mut MySqlConnection,
    lines: &[(OrderId, i32, &Line)],
) -> Result<(), sqlx::Error> {
    for piece in pieces(lines, ROWS) {
        let mut query = QueryBuilder::<MySql>::new(
            "INSERT INTO order_line (order_id, line_no, product_id, product_name, price, quantity, cart_id) ",
        );
        query.push_values(piece, |mut row, (order, number, line)| {
            row.push_bind(order.0)
                .push_bind(*number)
                .push_bind(line.product.0)
                .push_bind(line.name.as_str())
                .push_bind(line.price.0)
                .push_bind(line.quantity)
                .push_bind(line.cart.map(|cart| cart.0));
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// Those of these cart lines that were ordered already.
pub async fn ordered(
    conn: &mut MySqlConnection,
    carts: &[CartId],
) -> Result<Vec<CartId>, sqlx::Error> {
    if carts.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = QueryBuilder::<MySql>::new("SELECT cart_id FROM order_line WHERE cart_id IN (");
    let mut list = query.separated(", ");
    for cart in padded(carts) {
        list.push_bind(cart.0);
    }
    query.push(")");
    let rows: Vec<(i64,)> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(id,)| CartId(id)).collect())
}
