//! The table `refund`.

use chrono::{DateTime, NaiveDateTime, Utc};
use mall_payments_api::{Refund, RefundState};
use mall_types::{OrderId, Won};
use sqlx::MySqlConnection;

use crate::domain::{refund_state, refund_word};

/// A row.
#[derive(Debug, Clone)]
pub struct RefundRow {
    pub id: i64,
    pub refund_id: String,
    pub amount: Won,
    pub state: RefundState,
    pub reason: Option<String>,
    pub provider_key: String,
    /// How often the provider answered with a refusal.
    pub key_round: u32,
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    pub settled_at: Option<DateTime<Utc>>,
}

type Columns = (
    i64,
    String,
    i64,
    String,
    Option<String>,
    String,
    i32,
    i32,
    NaiveDateTime,
    Option<NaiveDateTime>,
);

fn row(columns: Columns) -> Result<RefundRow, sqlx::Error> {
    let (
        id,
        refund_id,
        amount,
        state,
        reason,
        provider_key,
        round,
        attempts,
        created_at,
        settled_at,
    ) = columns;
    let state = refund_state(&state)
        .ok_or_else(|| sqlx::Error::Decode(format!("refund state {state:?}").into()))?;
    Ok(RefundRow {
        id,
        refund_id,
        amount: Won(amount),
        state,
        reason,
        provider_key,
        key_round: u32::try_from(round).unwrap_or(0),
        attempts: u32::try_from(attempts).unwrap_or(0),
        created_at: created_at.and_utc(),
        settled_at: settled_at.map(|at| at.and_utc()),
    })
}

/// Writes the refund of a payment of `charged` as unknown; false when the payment has one.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    payment: i64,
    charged: Won,
    refund: &Refund,
    key: &str,
    ask_at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO refund (payment_id, charged, refund_id, amount, state, provider_key, next_ask_at, created_at, updated_at) \
         VALUES (?, ?, ?, ?, 'UNKNOWN', ?, ?, ?, ?)",
    )
    .bind(payment)
    .bind(charged.0)
    .bind(&refund.refund_id)
    .bind(refund.amount.0)
    .bind(key)
    .bind(ask_at.naive_utc())
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .execute(conn)
    .await;
    match made {
        Ok(_) => Ok(true),
        Err(error) if mall_db::is_duplicate(&error, "uq_refund_payment") => Ok(false),
        Err(error) => Err(error),
    }
}

/// The refund of a payment.
pub async fn of_payment(
    conn: &mut MySqlConnection,
    payment: i64,
) -> Result<Option<RefundRow>, sqlx::Error> {
    let columns: Option<Columns> = sqlx::query_as(
        "SELECT id, refund_id, amount, state, reason, provider_key, key_round, attempts, created_at, settled_at \
         FROM refund WHERE payment_id = ?",
    )
    .bind(payment)
    .fetch_optional(conn)
    .await?;
    columns.map(row).transpose()
}

/// Ids of unknown refunds whose time to be asked about has come, with their attempts and orders, locked.
pub async fn due(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<(i64, u32, OrderId)>, sqlx::Error> {
    let rows: Vec<(i64, i32, i64)> = sqlx::query_as(
        "SELECT r.id, r.attempts, p.order_id FROM refund r JOIN payment p ON p.id = r.payment_id \
         WHERE r.state = 'UNKNOWN' AND r.next_ask_at <= ? ORDER BY r.next_ask_at, r.id LIMIT ? FOR UPDATE SKIP LOCKED",
    )
    .bind(now.naive_utc())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let due = |(id, attempts, order)| (id, u32::try_from(attempts).unwrap_or(0), OrderId(order));
    Ok(rows.into_iter().map(due).collect())
}

/// Writes down that the money went back; false when that was done before.
pub async fn settle(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(
        "UPDATE refund SET state = ?, reason = NULL, attempts = attempts + 1, next_ask_at = NULL, settled_at = ?, \
         updated_at = ? WHERE id = ? AND state = 'UNKNOWN'",
    )
    .bind(refund_word(RefundState::Refunded))
    .bind(now.naive_utc())
    .bind(now.naive_utc())
    .bind(id)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

impl RefundRow {
    /// The key of the next call of the provider.
    pub fn key(&self) -> String {
        match self.key_round {
            0 => self.provider_key.clone(),
            round => format!("{}-{round}", self.provider_key),
        }
    }
}

/// Writes down a call that brought no outcome: the code it brought, whether the provider answered it with a refusal, and when
/// to ask next.
pub async fn stay_unknown(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
    code: &str,
    refused_in: Option<u32>,
    ask_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE refund SET attempts = attempts + 1, key_round = key_round + IF(key_round = ?, 1, 0), reason = ?, next_ask_at = ?, updated_at = ? \
         WHERE id = ? AND state = 'UNKNOWN'",
    )
    // Twins that were refused under one key go on with one new key.
    .bind(refused_in.map_or(-1, i64::from))
    .bind(code)
    .bind(ask_at.naive_utc())
    .bind(now.naive_utc())
    .bind(id)
    .execute(conn)
    .await?;
    Ok(())
}
