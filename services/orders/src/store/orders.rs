//! The table `orders`.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_types::{OrderId, UserId, Won};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use crate::domain::status::{PayMark, Status, Transition};

/// A row.
#[derive(Debug, Clone)]
pub struct OrderRow {
    pub id: OrderId,
    pub user: UserId,
    pub status: Status,
    pub reservation: String,
    pub total: Won,
    /// Since when it is being paid.
    pub paying_since: Option<DateTime<Utc>>,
    /// What payments was, or is to be, asked for it.
    pub pay_request: Option<String>,
}

type Columns = (
    i64,
    i64,
    i8,
    String,
    i64,
    Option<NaiveDateTime>,
    Option<String>,
);

fn row(
    (id, user, status, reservation, total, paying_since, pay_request): Columns,
) -> Result<OrderRow, sqlx::Error> {
    Ok(OrderRow {
        id: OrderId(id),
        user: UserId(user),
        status: status_of(status)?,
        reservation,
        total: Won(total),
        paying_since: paying_since.map(|time| time.and_utc()),
        pay_request,
    })
}

/// Reads a stored status.
pub fn status_of(ordinal: i8) -> Result<Status, sqlx::Error> {
    Status::from_ordinal(ordinal)
        .ok_or_else(|| sqlx::Error::Decode(format!("order status {ordinal}").into()))
}

/// Writes a new order, waiting for its payment.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    user: UserId,
    reservation: &str,
    total: Won,
) -> Result<OrderId, sqlx::Error> {
    let done = sqlx::query(
        "INSERT INTO orders (user_id, status, order_date, status_since, reservation_id, total) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(user.0)
    .bind(Status::WaitingPaying.ordinal())
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .bind(reservation)
    .bind(total.0)
    .execute(conn)
    .await?;
    i64::try_from(done.last_insert_id())
        .map(OrderId)
        .map_err(|error| sqlx::Error::Decode(error.into()))
}

/// An order, if it is this user's.
pub async fn of_user(
    conn: &mut MySqlConnection,
    id: OrderId,
    user: UserId,
) -> Result<Option<OrderRow>, sqlx::Error> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT id, user_id, status, reservation_id, total, paying_since, pay_request \
         FROM orders WHERE id = ? AND user_id = ?",
    )
    .bind(id.0)
    .bind(user.0)
    .fetch_optional(conn)
    .await?;
    columns.map(row).transpose()
}

/// Makes a transition, if the order still stands where it starts; false when it does not.
pub async fn change(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: OrderId,
    transition: &Transition,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE orders SET status = ?, status_since = ?, paying_since = NULL \
         WHERE id = ? AND status = ? AND (paying_since IS NOT NULL) = ?",
    )
    .bind(transition.to.ordinal())
    .bind(now.naive_utc())
    .bind(id.0)
    .bind(transition.from.ordinal())
    .bind(transition.mark == PayMark::Set)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks an order as being paid, and keeps what payments is to be asked; false unless it waits for its payment and is
/// not being paid already.
pub async fn begin_paying(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: OrderId,
    request: &str,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE orders SET paying_since = ?, pay_request = ? WHERE id = ? AND status = ? AND paying_since IS NULL",
    )
    .bind(now.naive_utc())
    .bind(request)
    .bind(id.0)
    .bind(Status::WaitingPaying.ordinal())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Orders that stand where the transition starts since `cutoff` or longer, oldest first, locked; those that somebody
/// else has locked are left out.
pub async fn due(
    conn: &mut MySqlConnection,
    transition: &Transition,
    cutoff: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<OrderRow>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, user_id, status, reservation_id, total, paying_since, pay_request FROM orders \
         WHERE status = ? AND status_since <= ? AND (paying_since IS NOT NULL) = ? \
         ORDER BY status_since, id LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(transition.from.ordinal())
    .bind(cutoff.naive_utc())
    .bind(transition.mark == PayMark::Set)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(row).collect()
}

/// Makes a transition for many orders at once; answers how many stood where it starts.
pub async fn change_all(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    ids: &[OrderId],
    transition: &Transition,
) -> Result<u64, sqlx::Error> {
    let mut query = QueryBuilder::<MySql>::new("UPDATE orders SET status = ");
    query
        .push_bind(transition.to.ordinal())
        .push(", status_since = ")
        .push_bind(now.naive_utc());
    query
        .push(", paying_since = NULL WHERE status = ")
        .push_bind(transition.from.ordinal());
    query
        .push(" AND (paying_since IS NOT NULL) = ")
        .push_bind(transition.mark == PayMark::Set)
        .push(" AND id IN (");
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.0);
    }
    query.push(")");
    Ok(query
        .build()
        .persistent(false)
        .execute(conn)
        .await?
        .rows_affected())
}

/// Orders that are being paid since `cutoff` or longer, oldest first, from behind `after` on.
pub async fn unsettled(
    conn: &mut MySqlConnection,
    cutoff: DateTime<Utc>,
    after: Option<(DateTime<Utc>, OrderId)>,
    limit: u32,
) -> Result<Vec<OrderRow>, sqlx::Error> {
    let (since, id) = after.map_or((None, 0), |(since, id)| (Some(since.naive_utc()), id.0));
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, user_id, status, reservation_id, total, paying_since, pay_request FROM orders \
         WHERE paying_since <= ? AND (? IS NULL OR paying_since > ? OR (paying_since = ? AND id > ?)) \
         ORDER BY paying_since, id LIMIT ?",
    )
    .bind(cutoff.naive_utc())
    .bind(since)
    .bind(since)
    .bind(since)
    .bind(id)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(row).collect()
}
