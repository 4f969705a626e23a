//! The table `orders`.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use mall_db::{padded, pieces};
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

/// The unique key of reservations.
pub const RESERVATION: &str = "uq_orders_reservation";

/// Rows of one statement.
const ROWS: usize = 64;

/// Writes new orders, each waiting for its payment. A reservation that has its order violates [`RESERVATION`].
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    orders: &[NewOrder],
) -> Result<(), sqlx::Error> {
    for piece in pieces(orders, ROWS) {
        let mut query = QueryBuilder::<MySql>::new(
            "INSERT INTO orders (user_id, status, order_date, status_since, reservation_id, total) ",
        );
        query.push_values(piece, |mut row, order| {
            row.push_bind(order.user.0)
                .push_bind(Status::WaitingPaying.ordinal())
                .push_bind(now.naive_utc())
                .push_bind(now.naive_utc())
                .push_bind(order.reservation.as_str())
                .push_bind(order.total.0);
        });
        query.build().execute(&mut *conn).await?;
    }
    Ok(())
}

/// What has just been written in this transaction: the number of each reservation's order, and whether the reservation is fenced.
pub async fn written(
    conn: &mut MySqlConnection,
    orders: &[NewOrder],
) -> Result<HashMap<String, (OrderId, bool)>, sqlx::Error> {
    let mut query = QueryBuilder::<MySql>::new(
        "SELECT o.reservation_id, o.id, f.reservation_id FROM orders o \
         LEFT JOIN reservation_fence f ON f.reservation_id = o.reservation_id WHERE o.reservation_id IN (",
    );
    let reservations: Vec<&str> = orders
        .iter()
        .map(|order| order.reservation.as_str())
        .collect();
    let mut list = query.separated(", ");
    for id in padded(&reservations) {
        list.push_bind(id);
    }
    // A fence that is being written is waited for.
    query.push(") LOCK IN SHARE MODE");
    let rows: Vec<(String, i64, Option<String>)> = query.build_query_as().fetch_all(conn).await?;
    Ok(rows
        .into_iter()
        .map(|(reservation, id, fence)| (reservation, (OrderId(id), fence.is_some())))
        .collect())
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
