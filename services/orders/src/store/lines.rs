//! The table `order_line`.

use mall_db::padded;
use mall_types::CartId;
use sqlx::{MySql, MySqlConnection, QueryBuilder};

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
