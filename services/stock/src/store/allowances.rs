//! `allowance`: what each buyer holds of a product with a limit. It changes in [`super::bookings`].

use mall_db::padded;
use mall_types::{ProductId, UserId};
use sqlx::{AssertSqlSafe, MySqlConnection};

use super::repeated;

/// What these buyers hold; nothing is said of who never had anything.
pub async fn held(
    conn: &mut MySqlConnection,
    id: ProductId,
    buyers: &[UserId],
) -> Result<Vec<(UserId, i64)>, sqlx::Error> {
    if buyers.is_empty() {
        return Ok(Vec::new());
    }
    let buyers = padded(buyers);
    let sql = format!(
        "SELECT buyer, taken FROM allowance WHERE product_id = ? AND buyer IN ({})",
        repeated("?", buyers.len())
    );
    let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(id.0);
    for buyer in buyers {
        query = query.bind(buyer.0);
    }
    let rows: Vec<(i64, i64)> = query.fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(buyer, taken)| (UserId(buyer), taken))
        .collect())
}
