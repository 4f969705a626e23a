//! The table `refund`.

use chrono::{DateTime, Utc};
use mall_payments_api::{Refund, RefundState};
use mall_types::Won;
use sqlx::MySqlConnection;

/// A row.
#[derive(Debug, Clone)]
pub struct RefundRow {
    pub id: i64,
    pub refund_id: String,
    pub amount: Won,
    pub state: RefundState,
    pub provider_key: String,
}

/// Writes the refund as unknown; false when the payment has one.
pub async fn insert(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    payment: i64,
    refund: &Refund,
    key: &str,
) -> Result<bool, sqlx::Error> {
    let made = sqlx::query(
        "INSERT INTO refund (payment_id, refund_id, amount, state, provider_key, created_at, updated_at) \
         VALUES (?, ?, ?, 'UNKNOWN', ?, ?, ?)",
    )
    .bind(payment)
    .bind(&refund.refund_id)
    .bind(refund.amount.0)
    .bind(key)
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
    let columns: Option<(i64, String, i64, String, String)> = sqlx::query_as(
        "SELECT id, refund_id, amount, state, provider_key FROM refund WHERE payment_id = ?",
    )
    .bind(payment)
    .fetch_optional(conn)
    .await?;
    let Some((id, refund_id, amount, state, provider_key)) = columns else {
        return Ok(None);
    };
    let state = match state.as_str() {
        "UNKNOWN" => RefundState::Unknown,
        "REFUNDED" => RefundState::Refunded,
        other => {
            return Err(sqlx::Error::Decode(
                format!("refund state {other:?}").into(),
            ));
        }
    };
    Ok(Some(RefundRow {
        id,
        refund_id,
        amount: Won(amount),
        state,
        provider_key,
    }))
}

/// Writes down an attempt and what it came to. `REFUNDED` is never taken back.
pub async fn settle(
    conn: &mut MySqlConnection,
    now: DateTime<Utc>,
    id: i64,
    refunded: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE refund SET state = IF(?, 'REFUNDED', state), attempts = attempts + 1, updated_at = ? WHERE id = ?",
    )
    .bind(refunded)
    .bind(now.naive_utc())
    .bind(id)
    .execute(conn)
    .await?;
    Ok(())
}
