//! Reservations whose order never came to be: whoever reserved died, or lost sight of it, before the order was written.
//!
//! Stock can't know that by itself, and waiting makes nothing certain: an order may be late. So it asks orders, which answers for
//! each reservation "it has its order" or "it has none, and from now on never gets one". Only the latter go back. What was vouched
//! for once is never asked about again. Orders is away: nothing is released, and the question waits.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use mall_db::TxError;
use mall_orders_api::{OrdersApi, Unclaimed};
use uuid::Uuid;

use crate::domain::Refusal;
use crate::failure::Failure;
use crate::state::SharedStock;
use crate::store::items;
use crate::store::unattached::{self, Batch};

/// About so many are one question, and one transaction. What was booked together is never more than orders answers at once.
const BATCH: usize = 512;

/// So many rows, each of reservations that were booked together, are read at a time.
const PAGE: usize = 64;

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
        // By the clock that wrote the rows: those of the instances may differ.
        let now = self.stock.db.read("now", |conn| {
            Box::pin(async move { Ok(items::now(conn).await?) })
        });
        let cutoff = now.await.map_err(failed)? - chrono::Duration::from_std(self.age)?;
        let (mut found, mut last) = (Found::default(), None);
        loop {
            let old = self.stock.db.read("unattached", move |conn| {
                Box::pin(async move { Ok(unattached::before(conn, cutoff, last, PAGE).await?) })
            });
            let mut old: Vec<Batch> = old.await.map_err(failed)?;
            last = old.last().map(|batch| (batch.since, batch.first));
            let whole = old.len() == PAGE;
            let mut rest = old.as_mut_slice();
            while !rest.is_empty() {
                if should_stop() {
                    return Ok(found);
                }
                let (together, behind) = rest.split_at_mut(one_question(rest));
                let some = self.judge(together).await?;
                found.attached += some.attached;
                found.released += some.released;
                rest = behind;
            }
            if !whole {
                return Ok(found);
            }
        }
    }

    async fn judge(&self, batches: &mut [Batch]) -> anyhow::Result<Found> {
        let ids: Arc<[Uuid]> = batches
            .iter()
            .flat_map(|batch| batch.ids.iter().copied())
            .collect();
        let count = ids.len();
        let held = self.stock.db.read("unattached_held", move |conn| {
            let ids = Arc::clone(&ids);
            Box::pin(async move { Ok(unattached::held(conn, &ids).await?) })
        });
        // What is sold or given back needs no question.
        let mut open: HashSet<Uuid> = held.await.map_err(failed)?.into_iter().collect();
        let mut released = 0;
        if !open.is_empty() {
            let unclaimed = Unclaimed {
                reservation_ids: open.iter().map(Uuid::to_string).collect(),
            };
            let verdict = self.orders.judge(&unclaimed).await?;
            self.stock.faults.reach("orphans.judged").await;
            // What is in neither list is asked about again.
            for id in verdict.ordered.iter().flat_map(|id| id.parse::<Uuid>()) {
                open.remove(&id);
            }
            for id in verdict.fenced.iter().flat_map(|id| id.parse::<Uuid>()) {
                if !open.contains(&id) {
                    continue;
                }
                match self.stock.release(id).await {
                    Ok(by_us) => {
                        released += usize::from(by_us);
                        open.remove(&id);
                    }
                    Err(failure) => {
                        tracing::warn!(reservation.id = %id, error = %failure, "an orphan is given back later");
                    }
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
        self.leave(batches, &open).await?;
        Ok(Found {
            attached: count - open.len() - released,
            released,
        })
    }

    /// Only these are asked about again.
    async fn leave(&self, batches: &mut [Batch], open: &HashSet<Uuid>) -> Result<(), Failure> {
        let mut changed = Vec::new();
        for batch in batches {
            let before = batch.ids.len();
            batch.ids.retain(|id| open.contains(id));
            if batch.ids.len() < before {
                changed.push(batch.clone());
            }
        }
        let changed: Arc<[Batch]> = changed.into();
        let left = self.stock.db.run_tx("attach_reservations", move |tx| {
            let changed = Arc::clone(&changed);
            Box::pin(async move {
                for batch in changed.iter() {
                    unattached::leave(tx, batch).await?;
                }
                Ok(())
            })
        });
        left.await.map_err(failed)
    }
}

/// How many of the rows, at least one, make one question.
fn one_question(batches: &[Batch]) -> usize {
    let mut ids = 0;
    let fit = batches.iter().take_while(|batch| {
        ids += batch.ids.len();
        ids <= BATCH
    });
    fit.count().max(1)
}

fn failed(error: TxError<Refusal>) -> Failure {
    error.into()
}
