//! Reservations whose order never came to be: whoever reserved died, or lost sight of it, before the order was written.
//!
//! Stock can't know that by itself, and waiting makes nothing certain: an order may be late. So it asks orders, which answers for
//! each reservation "it has its order" or "it has none, and from now on never gets one". Only the latter go back. What was vouched
//! for once is never asked about again. Orders is away: nothing is released, and the question waits.

use std::sync::Arc;
use std::time::Duration;

use mall_db::TxError;
use mall_orders_api::{OrdersApi, Unclaimed};
use uuid::Uuid;

use crate::domain::Refusal;
use crate::failure::Failure;
use crate::state::SharedStock;
use crate::store::unattached::{self, Unattached};

/// So many are one question, and one transaction.
const BATCH: usize = 512;

/// Looks for orphans.
#[derive(Clone)]
pub struct Orphans {
    stock: SharedStock,
    orders: Arc<dyn OrdersApi>,
    age: Duration,
}

/// What a look came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Reservations that have their order, or are done with.
    pub attached: usize,
    /// Reservations that were given back.
    pub released: usize,
}

impl Orphans {
    /// Asks about reservations that have been there for `age`: longer than placing an order takes.
    pub fn new(stock: SharedStock, orders: Arc<dyn OrdersApi>, age: Duration) -> Self {
        Self { stock, orders, age }
    }

    /// Asks about all that are old enough.
    pub async fn release(&self, should_stop: impl Fn() -> bool) -> anyhow::Result<Found> {
        let cutoff = self.stock.clock.now() - chrono::Duration::from_std(self.age)?;
        let (mut found, mut last) = (Found::default(), None);
        while !should_stop() {
            let old = self.stock.db.read("unattached", move |conn| {
                Box::pin(async move { Ok(unattached::before(conn, cutoff, last, BATCH).await?) })
            });
            let old: Vec<Unattached> = old.await.map_err(failed)?;
            let Some(end) = old.last() else { break };
            last = Some(*end);
            let some = self.judge(&old).await?;
            found.attached += some.attached;
            found.released += some.released;
            if old.len() < BATCH {
                break;
            }
        }
        Ok(found)
    }

    async fn judge(&self, old: &[Unattached]) -> anyhow::Result<Found> {
        let (held, done): (Vec<&Unattached>, Vec<&Unattached>) =
            old.iter().partition(|reservation| reservation.held);
        let mut attached: Vec<Uuid> = done.iter().map(|reservation| reservation.id).collect();
        let mut orphans = Vec::new();
        if !held.is_empty() {
            let unclaimed = Unclaimed {
                reservation_ids: held
                    .iter()
                    .map(|reservation| reservation.id.to_string())
                    .collect(),
            };
            let verdict = self.orders.judge(&unclaimed).await?;
            self.stock.faults.reach("orphans.judged").await;
            // What is in neither list is asked about again.
            for reservation in held {
                let id = reservation.id.to_string();
                if verdict.ordered.contains(&id) {
                    attached.push(reservation.id);
                } else if verdict.fenced.contains(&id) {
                    orphans.push(reservation.id);
                }
            }
        }
        let mut released = 0;
        for id in orphans {
            match self.stock.release(id).await {
                Ok(by_us) => {
                    released += usize::from(by_us);
                    attached.push(id);
                }
                Err(failure) => {
                    tracing::warn!(reservation.id = %id, error = %failure, "an orphan is given back later");
                }
            }
        }
        if released > 0 {
            tracing::warn!(
                reservations = released,
                "{released} reservations without an order are given back"
            );
            self.stock.metrics.orphans.add(released as u64);
        }
        self.stock.faults.reach("orphans.released").await;
        let count = attached.len();
        self.attach(attached).await?;
        Ok(Found {
            attached: count - released,
            released,
        })
    }

    async fn attach(&self, ids: Vec<Uuid>) -> Result<(), Failure> {
        let ids: Arc<[Uuid]> = ids.into();
        let marked = self.stock.db.run_tx("attach_reservations", move |tx| {
            let ids = Arc::clone(&ids);
            Box::pin(async move { Ok(unattached::attach(tx, &ids).await?) })
        });
        marked.await.map_err(failed)
    }
}

fn failed(error: TxError<Refusal>) -> Failure {
    error.into()
}
