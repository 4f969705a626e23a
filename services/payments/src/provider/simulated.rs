//! A provider that moves no real money. It keeps its own books, in `simulated_charge`, as a real one would: so it can be
//! asked again after a crash, and an audit can compare its books with the orders.

use std::convert::Infallible;

use async_trait::async_trait;
use mall_clock::SharedClock;
use mall_db::{Db, TxError};

use super::{Charge, GiveBack, Provider, Unknown, Verdict};

/// The reason of a decline that was asked for.
const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";

/// Plays what [`mall_payments_api::Simulate`] says.
pub struct Simulated {
    db: Db,
    clock: SharedClock,
}

type Row = (Option<String>,);

impl Simulated {
    /// Keeps its books in `db`.
    pub fn new(db: Db, clock: SharedClock) -> Self {
        Self { db, clock }
    }
}

fn verdict((reason,): Row) -> Verdict {
    reason.map_or(Verdict::Captured, Verdict::Declined)
}

fn unknown(error: TxError<Infallible>) -> Unknown {
    Unknown(error.to_string())
}

#[async_trait]
impl Provider for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    async fn charge(&self, charge: &Charge) -> Result<Verdict, Unknown> {
        let now = self.clock.now().naive_utc();
        let (key, amount) = (charge.key.clone(), charge.amount.0);
        let reason = charge.simulate.limit_exceeded.then_some(LIMIT_EXCEEDED);
        let row = self
            .db
            .run_tx("simulated_charge", move |tx| {
                let key = key.clone();
                Box::pin(async move {
                    sqlx::query(
                        "INSERT IGNORE INTO simulated_charge (provider_key, amount, reason, charged_at) VALUES (?, ?, ?, ?)",
                    )
                    .bind(&key)
                    .bind(amount)
                    .bind(reason)
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
                    // The first charge under a key decides, as with a real provider's idempotency key.
                    let row: Row = sqlx::query_as("SELECT reason FROM simulated_charge WHERE provider_key = ?")
                        .bind(&key)
                        .fetch_one(&mut *tx)
                        .await?;
                    Ok::<_, TxError<Infallible>>(row)
                })
            })
            .await;
        row.map(verdict).map_err(unknown)
    }

    async fn find(&self, key: &str) -> Result<Option<Verdict>, Unknown> {
        let key = key.to_owned();
        let row = self
            .db
            .read("simulated_find", move |conn| {
                let key = key.clone();
                Box::pin(async move {
                    let row: Option<Row> = sqlx::query_as(
                        "SELECT reason FROM simulated_charge WHERE provider_key = ?",
                    )
                    .bind(&key)
                    .fetch_optional(conn)
                    .await?;
                    Ok::<_, TxError<Infallible>>(row)
                })
            })
            .await;
        row.map(|row| row.map(verdict)).map_err(unknown)
    }

    async fn give_back(&self, back: &GiveBack) -> Result<(), Unknown> {
        let now = self.clock.now().naive_utc();
        let back = back.clone();
        let matched = self
            .db
            .run_tx("simulated_give_back", move |tx| {
                let back = back.clone();
                Box::pin(async move {
                    // The first refund key stays; the same key again finds itself.
                    let done = sqlx::query(
                        "UPDATE simulated_charge SET refunded_at = COALESCE(refunded_at, ?), refund_key = ? \
                         WHERE provider_key = ? AND amount = ? AND reason IS NULL \
                           AND (refund_key IS NULL OR refund_key = ?)",
                    )
                    .bind(now)
                    .bind(&back.key)
                    .bind(&back.charge_key)
                    .bind(back.amount.0)
                    .bind(&back.key)
                    .execute(tx)
                    .await?;
                    Ok::<_, TxError<Infallible>>(done.rows_affected())
                })
            })
            .await
            .map_err(unknown)?;
        if matched == 1 {
            Ok(())
        } else {
            Err(Unknown("the books have no such charge to give back".into()))
        }
    }
}
