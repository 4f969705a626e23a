//! Reading orders as they are shown.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_types::{OrderId, ProductId, UserId, Won};
use sqlx::MySqlConnection;

use super::orders::status_of;
use crate::domain::status::Status;

/// An order with its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderView {
    pub id: OrderId,
    pub user: UserId,
    pub date: DateTime<Utc>,
    pub status: Status,
    pub total: Won,
    pub lines: Vec<LineView>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineView {
    pub product: ProductId,
    pub name: String,
    pub price: Won,
    pub quantity: i64,
}

/// A row of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub status: Status,
    pub cause: String,
    pub at: DateTime<Utc>,
    /// Who made it; nobody: time, or the payment.
    pub actor: Option<UserId>,
    pub note: Option<String>,
}

pub type Columns = (i64, i64, NaiveDateTime, i8, i64, i64, String, i64, i64);

/// Of `orders o` joined with `order_line l`.
macro_rules! columns {
    () => {
        "SELECT o.id, o.user_id, o.order_date, o.status, o.total, l.product_id, l.product_name, l.price, l.quantity "
    };
}
pub(super) use columns;

/// Gathers the rows of a join, which come order by order.
pub fn gather(rows: Vec<Columns>) -> Result<Vec<OrderView>, sqlx::Error> {
    let mut orders: Vec<OrderView> = Vec::new();
    for (id, user, date, status, total, product, name, price, quantity) in rows {
        let line = LineView {
            product: ProductId(product),
            name,
            price: Won(price),
            quantity,
        };
        match orders.last_mut() {
            Some(order) if order.id.0 == id => order.lines.push(line),
            _ => orders.push(OrderView {
                id: OrderId(id),
                user: UserId(user),
                date: date.and_utc(),
                status: status_of(status)?,
                total: Won(total),
                lines: vec![line],
            }),
        }
    }
    Ok(orders)
}

/// A user's orders, newest first, without those that wait for their payment. One round trip, however many there are.
pub async fn list(conn: &mut MySqlConnection, user: UserId) -> Result<Vec<OrderView>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(concat!(
        columns!(),
        "FROM orders o JOIN order_line l ON l.order_id = o.id \
         WHERE o.user_id = ? AND o.status <> ? ORDER BY o.id DESC, l.line_no"
    ))
    .bind(user.0)
    .bind(Status::WaitingPaying.ordinal())
    .fetch_all(conn)
    .await?;
    gather(rows)
}

/// A part of it: `limit` orders from behind `after` on. One round trip as well.
pub async fn page(
    conn: &mut MySqlConnection,
    user: UserId,
    after: OrderId,
    limit: u32,
) -> Result<Vec<OrderView>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(concat!(
        columns!(),
        "FROM (SELECT id FROM orders FORCE INDEX (ix_orders_user) \
               WHERE user_id = ? AND id < ? AND status <> ? ORDER BY id DESC LIMIT ?) page \
         STRAIGHT_JOIN orders o ON o.id = page.id STRAIGHT_JOIN order_line l ON l.order_id = o.id \
         ORDER BY o.id DESC, l.line_no"
    ))
    .bind(user.0)
    .bind(after.0)
    .bind(Status::WaitingPaying.ordinal())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    gather(rows)
}

/// One order, of a user or of anybody.
pub async fn one(
    conn: &mut MySqlConnection,
    id: OrderId,
    user: Option<UserId>,
) -> Result<Option<OrderView>, sqlx::Error> {
    let user = user.map(|user| user.0);
    let rows: Vec<Columns> = sqlx::query_as(concat!(
        columns!(),
        "FROM orders o JOIN order_line l ON l.order_id = o.id \
             WHERE o.id = ? AND (? IS NULL OR o.user_id = ?) ORDER BY l.line_no"
    ))
    .bind(id.0)
    .bind(user)
    .bind(user)
    .fetch_all(conn)
    .await?;
    Ok(gather(rows)?.pop())
}

/// What happened to an order, oldest first.
pub async fn history(conn: &mut MySqlConnection, id: OrderId) -> Result<Vec<Step>, sqlx::Error> {
    type Columns = (i8, String, NaiveDateTime, Option<i64>, Option<String>);
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT status, cause, at, actor, note FROM order_history WHERE order_id = ? ORDER BY id",
    )
    .bind(id.0)
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|(status, cause, at, actor, note)| {
            Ok(Step {
                status: status_of(status)?,
                cause,
                at: at.and_utc(),
                actor: actor.map(UserId),
                note,
            })
        })
        .collect()
}
