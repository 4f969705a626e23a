//! The table `orders`.

use std::collections::HashSet;

use mall_db::padded;
use mall_types::{OrderId, UserId, Won};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use crate::domain::line::Line;
use crate::domain::status::Status;

/// Reads a stored status.
pub fn status_of(ordinal: i8) -> Result<Status, sqlx::Error> {
    Status::from_ordinal(ordinal)
        .ok_or_else(|| sqlx::Error::Decode(format!("order status {ordinal}").into()))
}

/// An order that is to be.
#[derive(Debug, Clone)]
pub struct NewOrder {
    pub user: UserId,
    /// What it has in stock; no two orders have the same.
    pub reservation: String,
    pub lines: Vec<Line>,
    pub total: Won,
}

/// Those of the reservations that have an order. `lock`: how the rows are to be locked, in SQL.
pub async fn with_reservation(
    conn: &mut MySqlConnection,
    reservations: &[String],
    lock: &'static str,
) -> Result<HashSet<String>, sqlx::Error> {
    if reservations.is_empty() {
        return Ok(HashSet::new());
    }
    let mut query =
        QueryBuilder::<MySql>::new("SELECT reservation_id FROM orders WHERE reservation_id IN (");
    let mut list = query.separated(", ");
    for id in padded(reservations) {
        list.push_bind(id);
    }
    query.push(")").push(lock);
    let rows: Vec<(String,)> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The order of one of these reservations, if it is this user's.
pub async fn of_reservations(
    conn: &mut MySqlConnection,
    reservations: &[String],
    user: UserId,
) -> Result<Option<OrderId>, sqlx::Error> {
    let mut query = QueryBuilder::<MySql>::new("SELECT id FROM orders WHERE user_id = ");
    query.push_bind(user.0).push(" AND reservation_id IN (");
    let mut list = query.separated(", ");
    for id in padded(reservations) {
        list.push_bind(id);
    }
    query.push(") ORDER BY id LIMIT 1");
    let id: Option<(i64,)> = query.build_query_as().fetch_optional(conn).await?;
    Ok(id.map(|(id,)| OrderId(id)))
}
