//! Releasing: the pieces go back, once, and the id is spent. MySQL first, then Redis.

use std::sync::Arc;
use std::time::Duration;

use mall_db::{TxError, is_duplicate};
use mall_stock_api::ReservationState as State;
use mall_types::ProductId;
use uuid::Uuid;

use crate::domain::{Existing, Line, Refusal, Step, release};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::reservations;

/// Once MySQL has the pieces back, the answer waits only so long for Redis to show them.
const PATIENCE: Duration = Duration::from_secs(1);

/// An id that is spent between looking and spending it is looked at again, so often.
const LOOKS: usize = 3;

impl Stock {
    /// Gives the pieces of a reservation back. `true`: by this call. An unknown id is spent, so that it can never take.
    pub async fn release(self: &Arc<Self>, id: Uuid) -> Result<bool, Failure> {
        for _ in 0..LOOKS {
            match self.existing(id).await? {
                Some(existing) => return self.release_existing(existing).await,
                None if self.spend(id).await? => {
                    self.faults.reach("release.spent").await;
                    return Ok(false);
                }
                // It was booked this very moment.
                None => {}
            }
        }
        Err(Failure::LockTimeout)
    }

    /// Spends an id without taking anything; `false`: it has a row already.
    pub(crate) async fn spend(&self, id: Uuid) -> Result<bool, Failure> {
        let now = self.clock.now();
        let spent = self.db.run_tx("spend_reservation", move |tx| {
            Box::pin(async move {
                match reservations::insert_tombstone(tx, id, now).await {
                    Ok(()) => Ok(true),
                    Err(error) if is_duplicate(&error, reservations::KEY) => {
                        Err(TxError::refuse(Refusal::Closed))
                    }
                    Err(error) => Err(error.into()),
                }
            })
        });
        match spent.await {
            Err(TxError::Refuse(_)) => Ok(false),
            other => other.map_err(Failure::from),
        }
    }

    async fn release_existing(self: &Arc<Self>, existing: Existing) -> Result<bool, Failure> {
        if release(existing.state) == Step::Already {
            return Ok(false);
        }
        let products: Vec<ProductId> = existing.lines.iter().map(|line| line.product_id).collect();
        // Read before MySQL changes: a count that is loaded later may hold these pieces already.
        let epochs = self.hot.epochs(&products).await.ok();
        let step = |state| Ok(release(state));
        if self
            .step(existing.id, State::Released, step)
            .await?
            .is_none()
        {
            return Ok(false);
        }
        self.faults.reach("release.written").await;
        self.metrics.released.inc();
        for (index, line) in existing.lines.iter().enumerate() {
            let epoch = epochs.as_ref().and_then(|epochs| epochs.get(index));
            self.show_again(*line, epoch.map(String::as_str)).await;
        }
        self.faults.reach("release.shown").await;
        Ok(true)
    }

    /// MySQL has the pieces back; whatever keeps Redis from showing them now, it will.
    async fn show_again(self: &Arc<Self>, line: Line, epoch: Option<&str>) {
        let shown = match epoch {
            Some(epoch) => self
                .hot
                .give(line.product_id, epoch, line.quantity, PATIENCE)
                .await
                .unwrap_or(false),
            None => false,
        };
        if shown {
            self.marks.back(line.product_id);
        } else {
            self.heal_later(line.product_id);
        }
    }
}
