//! The table `payment`.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_payments_api::{Pay, PaymentState, Simulate};
use mall_types::{OrderId, UserId, Won};
use sqlx::MySqlConnection;

/// A row.
#[derive(Debug, Clone)]
pub struct PaymentRow {
    pub id: i64,
    pub order: OrderId,
    pub user: UserId,
    pub amount: Won,
    pub state: PaymentState,
    pub reason: Option<String>,
    pub provider_key: String,
    pub simulate: Simulate,
    pub created_at: DateTime<Utc>,
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
    NaiveDateTime,
);

fn row(columns: Columns) -> Result<PaymentRow, sqlx::Error> {
    let (id, order, user, amount, state, reason, provider_key, simulate, created_at) = columns;
    let state = match state.as_str() {
        "UNKNOWN" => PaymentState::Unknown,
        "CAPTURED" => PaymentState::Captured,
        "DECLINED" => PaymentState::Declined,
        other => {
            return Err(sqlx::Error::Decode(
                format!("payment state {other:?}").into(),
            ));
        }
    };
    Ok(PaymentRow {
        id,
        order: OrderId(order),
        user: UserId(user),
        amount: Won(amount),
        state,
        reason,
        provider_key,
        simulate: serde_json::from_str(&simulate)
            .map_err(|error| sqlx::Error::Decode(error.into()))?,
        created_at: created_at.and_utc(),
    })
}

fn text(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Unknown => "UNKNOWN",
        PaymentState::Captured => "CAPTURED",
        PaymentState::Declined => "DECLINED",
    }
}

/// Writes the payment as unknown; false when the order has one.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    pay: &Pay,
    provider: &str,
    key: &str,
) -> Result<bool, sqlx::Error> {
    let simulate =
        serde_json::to_string(&pay.simulate).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let made = sqlx::query(
        "INSERT INTO payment (order_id, user_id, amount, state, provider, provider_key, simulate, created_at, updated_at) \
         VALUES (?, ?, ?, 'UNKNOWN', ?, ?, ?, ?, ?)",
    )
    .bind(pay.order_id.0)
    .bind(pay.user_id.0)
    .bind(pay.amount.0)
    .bind(provider)
    .bind(key)
    .bind(simulate)
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .execute(conn)
    .await;
    match made {
        Ok(_) => Ok(true),
        Err(error) if mall_db::is_duplicate(&error, "uq_payment_order") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The payment of an order.
pub async fn of_order(
    conn: &mut MySqlConnection,
    order: OrderId,
) -> Result<Option<PaymentRow>, sqlx::Error> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT id, order_id, user_id, amount, state, reason, provider_key, simulate, created_at \
         FROM payment WHERE order_id = ?",
    )
    .bind(order.0)
    .fetch_optional(conn)
    .await?;
    columns.map(row).transpose()
}

/// Writes down what an unknown payment came to; false when that was done before.
pub async fn settle(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
    state: PaymentState,
    reason: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE payment SET state = ?, reason = ?, attempts = attempts + 1, updated_at = ? \
         WHERE id = ? AND state = 'UNKNOWN'",
    )
    .bind(text(state))
    .bind(reason)
    .bind(now.naive_utc())
    .bind(id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a question that brought no answer.
pub async fn count_attempt(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE payment SET attempts = attempts + 1, updated_at = ? WHERE id = ?")
        .bind(now.naive_utc())
        .bind(id)
        .execute(conn)
        .await?;
    Ok(())
}
