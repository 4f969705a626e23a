//! A provider that moves no real money. It keeps its own books, in `simulated_charge`, as a real one would: so it can be
//! asked again after a crash, and an audit can compare its books with the orders. It plays what a call's
//! [`Simulate`](mall_payments_api::Simulate) says, and is slow or loses things as `mall.payments.simulated` says.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mall_clock::SharedClock;
use mall_db::{Db, TxError};
use mall_payments_api::{Lost, Simulate};

use super::{Charge, Found, GiveBack, Provider, Unknown, Verdict};
use crate::config::SimulatedConfig;

/// The reason of a decline that was asked for.
const LIMIT_EXCEEDED: &str = "LIMIT_EXCEEDED";

/// The adapter.
pub struct Simulated {
    db: Db,
    clock: SharedClock,
    config: SimulatedConfig,
    /// Charges and refunds so far.
    calls: Arc<AtomicU64>,
}

type Row = (Option<String>,);

impl Simulated {
    /// Keeps its books in `db`.
    pub fn new(db: Db, clock: SharedClock, config: SimulatedConfig) -> Self {
        Self {
            db,
            clock,
            config,
            calls: Arc::default(),
        }
    }

    /// What shall be lost of a charge or a refund, by this call's wish or by the settings.
    async fn weather(&self, simulate: &Simulate, first: bool) -> Option<Lost> {
        self.delay(simulate).await;
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let every = |n: u64| n > 0 && call.is_multiple_of(n);
        match simulate.lose.filter(|_| self.config.obey_calls) {
            Some(lost) if first => Some(lost),
            _ if every(self.config.lose_request_every) => Some(Lost::Request),
            _ if every(self.config.lose_answer_every) => Some(Lost::Answer),
            _ => None,
        }
    }

    async fn delay(&self, simulate: &Simulate) {
        let wish = simulate.delay_ms.filter(|_| self.config.obey_calls);
        let asked = Duration::from_millis(u64::from(wish.unwrap_or(0)));
        let delay = self.config.delay.get() + asked;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    async fn book(&self, charge: &Charge) -> Result<Verdict, Unknown> {
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

    async fn book_back(&self, back: &GiveBack) -> Result<(), Unknown> {
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
                    .bind(&back.charge.key)
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
            Err(Unknown::new(
                "NO_SUCH_CHARGE",
                "the books have no such charge to give back",
            ))
        }
    }
}

fn verdict((reason,): Row) -> Verdict {
    reason.map_or(Verdict::Captured(None), Verdict::Declined)
}

fn unknown(error: TxError<Infallible>) -> Unknown {
    Unknown::new("UNREACHABLE", error.to_string())
}

fn lost<T>(what: Lost) -> Result<T, Unknown> {
    Err(match what {
        Lost::Request => Unknown::new("TIMEOUT", "the request was lost, as wished"),
        Lost::Answer => Unknown::new("TIMEOUT", "the answer was lost, as wished"),
    })
}

#[async_trait]
impl Provider for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    async fn charge(&self, charge: &Charge) -> Result<Verdict, Unknown> {
        match self.weather(&charge.simulate, charge.first).await {
            Some(Lost::Request) => lost(Lost::Request),
            Some(Lost::Answer) => {
                self.book(charge).await?;
                lost(Lost::Answer)
            }
            None => self.book(charge).await,
        }
    }

    async fn find(&self, charge: &Charge) -> Result<Found, Unknown> {
        self.delay(&charge.simulate).await;
        let key = charge.key.clone();
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
            .await
            .map_err(unknown)?;
        Ok(row.map_or(Found::Nothing, |row| Found::Settled(verdict(row))))
    }

    async fn give_back(&self, back: &GiveBack) -> Result<(), Unknown> {
        match self.weather(&back.charge.simulate, back.first).await {
            Some(Lost::Request) => lost(Lost::Request),
            Some(Lost::Answer) => {
                self.book_back(back).await?;
                lost(Lost::Answer)
            }
            None => self.book_back(back).await,
        }
    }

    async fn find_back(&self, back: &GiveBack) -> Result<bool, Unknown> {
        self.delay(&back.charge.simulate).await;
        let (charge, key) = (back.charge.key.clone(), back.key.clone());
        let found = self
            .db
            .read("simulated_find_back", move |conn| {
                let (charge, key) = (charge.clone(), key.clone());
                Box::pin(async move {
                    let row: Option<(i64,)> = sqlx::query_as(
                        "SELECT 1 FROM simulated_charge WHERE provider_key = ? AND refund_key = ? AND refunded_at IS NOT NULL",
                    )
                    .bind(&charge)
                    .bind(&key)
                    .fetch_optional(conn)
                    .await?;
                    Ok::<_, TxError<Infallible>>(row)
                })
            })
            .await
            .map_err(unknown)?;
        Ok(found.is_some())
    }
}
