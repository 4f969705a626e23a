//! The admins' search. Each combination of conditions has an index that leads to the orders it shows, newest first, and a page
//! is found from the last one's number on: what it costs depends on the page, not on the table.
//!
//! | conditions | index |
//! |---|---|
//! | none | the primary key |
//! | state | `ix_orders_status` |
//! | buyer, and others | `ix_orders_user`: passes the buyer's own orders that the others leave out |
//! | product | `ix_order_line_product` |
//! | product and state | `ix_order_line_status` |
//!
//! A time range becomes a range of order numbers, by `ix_orders_date`. Numbers rise with time except for orders that were
//! placed at the same moment and for replicas whose clocks differ, so the numbers of [`SKEW`] around each end are looked at,
//! and the time itself is compared as well.

use chrono::{DateTime, Duration, Utc};
use mall_types::{ProductId, UserId};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use super::views::{Columns, OrderView, columns, gather};
use crate::domain::status::Status;

/// How far the clocks of replicas, and the moments of writing orders of one time, may be apart.
const SKEW: Duration = Duration::seconds(5);

/// What is looked for; what is `None` does not matter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Search {
    pub state: Option<Status>,
    pub product: Option<ProductId>,
    pub buyer: Option<UserId>,
    /// Placed at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Placed before this time.
    pub to: Option<DateTime<Utc>>,
}

/// Numbers of orders, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    pub least: i64,
    pub most: i64,
}

/// The lowest number of an order that was placed at `from` or later.
pub async fn least_from(
    conn: &mut MySqlConnection,
    from: DateTime<Utc>,
) -> Result<Option<i64>, sqlx::Error> {
    let first: Option<chrono::NaiveDateTime> = sqlx::query_scalar(
        "SELECT order_date FROM orders FORCE INDEX (ix_orders_date) WHERE order_date >= ? ORDER BY order_date LIMIT 1",
    )
    .bind(from.naive_utc())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(first) = first else { return Ok(None) };
    sqlx::query_scalar(
        "SELECT MIN(id) FROM orders FORCE INDEX (ix_orders_date) WHERE order_date >= ? AND order_date <= ?",
    )
    .bind(first)
    .bind(first + SKEW)
    .fetch_one(conn)
    .await
}

/// The highest number of an order that was placed before `to`.
pub async fn most_before(
    conn: &mut MySqlConnection,
    to: DateTime<Utc>,
) -> Result<Option<i64>, sqlx::Error> {
    let last: Option<chrono::NaiveDateTime> = sqlx::query_scalar(
        "SELECT order_date FROM orders FORCE INDEX (ix_orders_date) WHERE order_date < ? ORDER BY order_date DESC LIMIT 1",
    )
    .bind(to.naive_utc())
    .fetch_optional(&mut *conn)
    .await?;
    let Some(last) = last else { return Ok(None) };
    sqlx::query_scalar(
        "SELECT MAX(id) FROM orders FORCE INDEX (ix_orders_date) WHERE order_date >= ? AND order_date <= ?",
    )
    .bind(last - SKEW)
    .bind(last)
    .fetch_one(conn)
    .await
}

/// The newest `limit` orders of these numbers that fit, with their lines.
pub async fn search(
    conn: &mut MySqlConnection,
    search: &Search,
    numbers: Numbers,
    limit: u32,
) -> Result<Vec<OrderView>, sqlx::Error> {
    let mut query = QueryBuilder::<MySql>::new(columns!());
    query.push("FROM (");
    match (search.product, search.buyer) {
        (Some(product), None) => by_product(&mut query, search, product, numbers),
        (product, _) => by_order(&mut query, search, product, numbers),
    }
    query.push(" LIMIT ").push_bind(limit).push(
        ") page STRAIGHT_JOIN orders o ON o.id = page.id STRAIGHT_JOIN order_line l ON l.order_id = o.id \
         ORDER BY o.id DESC, l.line_no",
    );
    let rows: Vec<Columns> = query.build_query_as().fetch_all(conn).await?;
    gather(rows)
}

fn by_order(
    query: &mut QueryBuilder<MySql>,
    search: &Search,
    product: Option<ProductId>,
    numbers: Numbers,
) {
    let index = match (search.buyer, search.state) {
        (Some(_), _) => "ix_orders_user",
        (None, Some(_)) => "ix_orders_status",
        (None, None) => "PRIMARY",
    };
    query
        .push("SELECT f.id FROM orders f FORCE INDEX (")
        .push(index)
        .push(") WHERE f.id >= ")
        .push_bind(numbers.least)
        .push(" AND f.id <= ")
        .push_bind(numbers.most);
    if let Some(buyer) = search.buyer {
        query.push(" AND f.user_id = ").push_bind(buyer.0);
    }
    if let Some(state) = search.state {
        query.push(" AND f.status = ").push_bind(state.ordinal());
    }
    placed_when(query, search);
    if let Some(product) = product {
        query
            // Counted, so that no server turns it into a join that begins at the product.
            .push(" AND (SELECT COUNT(*) FROM order_line e FORCE INDEX (PRIMARY) WHERE e.order_id = f.id AND e.product_id = ")
            .push_bind(product.0)
            .push(") > 0");
    }
    query.push(" ORDER BY f.id DESC");
}

fn by_product(
    query: &mut QueryBuilder<MySql>,
    search: &Search,
    product: ProductId,
    numbers: Numbers,
) {
    let index = match search.state {
        Some(_) => "ix_order_line_status",
        None => "ix_order_line_product",
    };
    query
        .push("SELECT p.order_id AS id FROM order_line p FORCE INDEX (")
        .push(index)
        .push(") STRAIGHT_JOIN orders f ON f.id = p.order_id WHERE p.product_id = ")
        .push_bind(product.0)
        .push(" AND p.order_id >= ")
        .push_bind(numbers.least)
        .push(" AND p.order_id <= ")
        .push_bind(numbers.most);
    if let Some(state) = search.state {
        query
            .push(" AND p.order_status = ")
            .push_bind(state.ordinal())
            .push(" AND f.status = ")
            .push_bind(state.ordinal());
    }
    placed_when(query, search);
    // Of two lines with the same product the first stands for the order.
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM order_line e WHERE e.order_id = p.order_id AND e.line_no < p.line_no \
         AND e.product_id = p.product_id) ORDER BY p.order_id DESC",
    );
}

fn placed_when(query: &mut QueryBuilder<MySql>, search: &Search) {
    if let Some(from) = search.from {
        query
            .push(" AND f.order_date >= ")
            .push_bind(from.naive_utc());
    }
    if let Some(to) = search.to {
        query.push(" AND f.order_date < ").push_bind(to.naive_utc());
    }
}
