//! What changes an order after it was placed. Nothing else in the service writes a status.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_db::padded;
use mall_types::{OrderId, UserId, Won};
use sqlx::{MySql, MySqlConnection, QueryBuilder};

use super::orders::status_of;
use crate::domain::status::{PayMark, Status, Transition};

/// A row of `orders`.
#[derive(Debug, Clone)]
pub struct OrderRow {
    pub id: OrderId,
    pub user: UserId,
    pub status: Status,
    pub status_since: DateTime<Utc>,
    pub reservation: String,
    pub total: Won,
    /// Since when it is being paid.
    pub paying_since: Option<DateTime<Utc>>,
    /// What payments was, or is to be, asked for it.
    pub pay_request: Option<String>,
    /// On account of which key.
    pub pay_effect: Option<String>,
}

type Columns = (
    i64,
    i64,
    i8,
    NaiveDateTime,
    String,
    i64,
    Option<NaiveDateTime>,
    Option<String>,
    Option<String>,
);

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, status, status_since, reservation_id, total, paying_since, pay_request, pay_effect FROM orders ",
            $rest
        )
    };
}

fn row(
    (id, user, status, status_since, reservation, total, paying_since, pay_request, pay_effect): Columns,
) -> Result<OrderRow, sqlx::Error> {
    Ok(OrderRow {
        id: OrderId(id),
        user: UserId(user),
        status: status_of(status)?,
        status_since: status_since.and_utc(),
        reservation,
        total: Won(total),
        paying_since: paying_since.map(|time| time.and_utc()),
        pay_request,
        pay_effect,
    })
}

/// An order, of a user or of anybody.
pub async fn order(
    conn: &mut MySqlConnection,
    id: OrderId,
    user: Option<UserId>,
) -> Result<Option<OrderRow>, sqlx::Error> {
    let user = user.map(|user| user.0);
    let columns: Option<Columns> =
        sqlx::query_as(select!("WHERE id = ? AND (? IS NULL OR user_id = ?)"))
            .bind(id.0)
            .bind(user)
            .bind(user)
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
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    copy_to_lines(conn, &[id], transition.to).await?;
    Ok(true)
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
        .push_bind(now.naive_utc())
        .push(", paying_since = NULL WHERE status = ")
        .push_bind(transition.from.ordinal())
        .push(" AND (paying_since IS NOT NULL) = ")
        .push_bind(transition.mark == PayMark::Set)
        .push(" AND id IN ");
    push_ids(&mut query, ids);
    let changed = query.build().execute(&mut *conn).await?.rows_affected();
    copy_to_lines(conn, ids, transition.to).await?;
    Ok(changed)
}

/// Keeps the copy of the status that the search by product reads.
async fn copy_to_lines(
    conn: &mut MySqlConnection,
    ids: &[OrderId],
    status: Status,
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::<MySql>::new("UPDATE order_line SET order_status = ");
    query
        .push_bind(status.ordinal())
        .push(" WHERE order_id IN ");
    push_ids(&mut query, ids);
    query.build().execute(conn).await?;
    Ok(())
}

fn push_ids(query: &mut QueryBuilder<MySql>, ids: &[OrderId]) {
    query.push("(");
    let mut list = query.separated(", ");
    for id in padded(ids) {
        list.push_bind(id.0);
    }
    query.push(")");
}

/// Marks an order as being paid, and keeps what payments is to be asked and on account of which key; false unless it waits
/// for its payment and is not being paid already.
pub async fn begin_paying(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: OrderId,
    request: &str,
    effect: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE orders SET paying_since = ?, pay_request = ?, pay_effect = ? \
         WHERE id = ? AND status = ? AND paying_since IS NULL",
    )
    .bind(now.naive_utc())
    .bind(request)
    .bind(effect)
    .bind(id.0)
    .bind(Status::WaitingPaying.ordinal())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the mark away that was set at `since`: no payment came of it.
pub async fn stop_paying(
    conn: &mut MySqlConnection,
    id: OrderId,
    since: Option<DateTime<Utc>>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE orders SET paying_since = NULL, give_up_wanted = NULL WHERE id = ? AND status = ? AND paying_since = ?",
    )
    .bind(id.0)
    .bind(Status::WaitingPaying.ordinal())
    .bind(since.map(|time| time.naive_utc()))
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that the buyer wants to give up an order that has been being paid since `cutoff` or longer; false for any other.
pub async fn want_give_up(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: OrderId,
    cutoff: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE orders SET give_up_wanted = COALESCE(give_up_wanted, ?) \
         WHERE id = ? AND status = ? AND paying_since <= ?",
    )
    .bind(now.naive_utc())
    .bind(id.0)
    .bind(Status::WaitingPaying.ordinal())
    .bind(cutoff.naive_utc())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the buyer wants to give up the order. The order's row is locked by this transaction.
pub async fn is_give_up_wanted(
    conn: &mut MySqlConnection,
    id: OrderId,
) -> Result<bool, sqlx::Error> {
    let wanted: Option<i64> =
        sqlx::query_scalar("SELECT id FROM orders WHERE id = ? AND give_up_wanted IS NOT NULL")
            .bind(id.0)
            .fetch_optional(conn)
            .await?;
    Ok(wanted.is_some())
}

/// Orders that stand where the transition starts since `cutoff` or longer, oldest first from behind `after` on, locked; those
/// that somebody else has locked are left out.
pub async fn due(
    conn: &mut MySqlConnection,
    transition: &Transition,
    cutoff: DateTime<Utc>,
    after: Option<(DateTime<Utc>, OrderId)>,
    limit: u32,
) -> Result<Vec<OrderRow>, sqlx::Error> {
    let (since, id) = after.unwrap_or((DateTime::UNIX_EPOCH, OrderId(0)));
    let (status, since) = (transition.from.ordinal(), since.naive_utc());
    // Two ranges of one index, each with its conditions in full: that is how both servers see that they are.
    let rows: Vec<Columns> = sqlx::query_as(select!(
        "FORCE INDEX (ix_orders_due) WHERE ((status = ? AND status_since = ? AND id > ?) \
            OR (status = ? AND status_since > ? AND status_since <= ?)) AND (paying_since IS NOT NULL) = ? \
         ORDER BY status_since, id LIMIT ? FOR UPDATE SKIP LOCKED"
    ))
    .bind(status)
    .bind(since)
    .bind(id.0)
    .bind(status)
    .bind(since)
    .bind(cutoff.naive_utc())
    .bind(transition.mark == PayMark::Set)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(row).collect()
}

/// Orders that are being paid since `cutoff` or longer, oldest first, from behind `after` on.
pub async fn unsettled(
    conn: &mut MySqlConnection,
    cutoff: DateTime<Utc>,
    after: Option<(DateTime<Utc>, OrderId)>,
    limit: u32,
) -> Result<Vec<OrderRow>, sqlx::Error> {
    let (since, id) = after.map_or((None, 0), |(since, id)| (Some(since.naive_utc()), id.0));
    let rows: Vec<Columns> = sqlx::query_as(select!(
        "WHERE paying_since <= ? AND (? IS NULL OR paying_since > ? OR (paying_since = ? AND id > ?)) \
         ORDER BY paying_since, id LIMIT ?"
    ))
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
