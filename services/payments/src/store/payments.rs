//! The table `payment`.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_payments_api::{Pay, PaymentState, Simulate};
use mall_types::{OrderId, UserId, Won};
use sqlx::MySqlConnection;

use crate::domain::{payment_state, payment_word};

/// A row.
#[derive(Debug, Clone)]
pub struct PaymentRow {
    pub id: i64,
    pub order: OrderId,
    pub user: UserId,
    pub amount: Won,
    pub state: PaymentState,
    pub reason: Option<String>,
    pub provider: String,
    pub provider_key: String,
    pub provider_ref: Option<String>,
    pub payment_key: Option<String>,
    pub simulate: Simulate,
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    pub settled_at: Option<DateTime<Utc>>,
}

type Columns = (
    i64,
    i64,
    i64,
    i64,
    String,
    Option<String>,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    i32,
    NaiveDateTime,
    Option<NaiveDateTime>,
);

fn row(columns: Columns) -> Result<PaymentRow, sqlx::Error> {
    let (
        id,
        order,
        user,
        amount,
        state,
        reason,
        provider,
        provider_key,
        provider_ref,
        payment_key,
        simulate,
        attempts,
        created_at,
        settled_at,
    ) = columns;
    Ok(PaymentRow {
        id,
        order: OrderId(order),
        user: UserId(user),
        amount: Won(amount),
        state: payment_state(&state).ok_or_else(|| decode(format!("payment state {state:?}")))?,
        reason,
        provider,
        provider_key,
        provider_ref,
        payment_key,
        simulate: serde_json::from_str(&simulate).map_err(decode)?,
        attempts: u32::try_from(attempts).unwrap_or(0),
        created_at: created_at.and_utc(),
        settled_at: settled_at.map(|at| at.and_utc()),
    })
}

fn decode(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}

/// What writing a payment came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is there, as unknown.
    Made,
    /// The order, or another one with the same payment key, has one.
    Taken,
}

/// Writes the payment as unknown.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    pay: &Pay,
    provider: &str,
    key: &str,
    ask_at: DateTime<Utc>,
) -> Result<Inserted, sqlx::Error> {
    let simulate =
        serde_json::to_string(&pay.simulate).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let made = sqlx::query(
        "INSERT INTO payment (order_id, user_id, amount, state, provider, provider_key, payment_key, simulate, next_ask_at, \
         created_at, updated_at) VALUES (?, ?, ?, 'UNKNOWN', ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(pay.order_id.0)
    .bind(pay.user_id.0)
    .bind(pay.amount.0)
    .bind(provider)
    .bind(key)
    .bind(pay.payment_key.as_deref())
    .bind(simulate)
    .bind(ask_at.naive_utc())
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .execute(conn)
    .await;
    let taken = |error| {
        mall_db::is_duplicate(error, "uq_payment_order")
            || mall_db::is_duplicate(error, "uq_payment_payment_key")
    };
    match made {
        Ok(_) => Ok(Inserted::Made),
        Err(error) if taken(&error) => Ok(Inserted::Taken),
        Err(error) => Err(error),
    }
}

/// The payment of an order.
pub async fn of_order(
    conn: &mut MySqlConnection,
    order: OrderId,
) -> Result<Option<PaymentRow>, sqlx::Error> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT id, order_id, user_id, amount, state, reason, provider, provider_key, provider_ref, payment_key, simulate, \
         attempts, created_at, settled_at FROM payment WHERE order_id = ?",
    )
    .bind(order.0)
    .fetch_optional(conn)
    .await?;
    columns.map(row).transpose()
}

/// Unknown payments whose time to be asked about has come, locked; those that somebody else has locked are left to him.
pub async fn due(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<PaymentRow>, sqlx::Error> {
    let rows: Vec<Columns> = sqlx::query_as(
        "SELECT id, order_id, user_id, amount, state, reason, provider, provider_key, provider_ref, payment_key, simulate, \
         attempts, created_at, settled_at FROM payment WHERE state = 'UNKNOWN' AND next_ask_at <= ? \
         ORDER BY next_ask_at, id LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(now.naive_utc())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(row).collect()
}

/// Writes down what an unknown payment came to; false when that was done before.
pub async fn settle(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
    state: PaymentState,
    reason: Option<&str>,
    reference: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE payment SET state = ?, reason = ?, provider_ref = ?, attempts = attempts + 1, next_ask_at = NULL, \
         settled_at = ?, updated_at = ? WHERE id = ? AND state = 'UNKNOWN'",
    )
    .bind(payment_word(state))
    .bind(reason)
    .bind(reference)
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .bind(id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Writes down a question that brought no outcome: the code it brought, and when to ask next. False when the payment is known
/// meanwhile.
pub async fn stay_unknown(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
    code: &str,
    ask_at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE payment SET attempts = attempts + 1, reason = ?, next_ask_at = ?, updated_at = ? \
         WHERE id = ? AND state = 'UNKNOWN'",
    )
    .bind(code)
    .bind(ask_at.naive_utc())
    .bind(now.naive_utc())
    .bind(id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
