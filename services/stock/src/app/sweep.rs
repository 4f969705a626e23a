//! The sweeper: takes in Redis whose process died, or lost sight of them, before it knew whether MySQL booked them.
//!
//! Certainty comes from the unique key, not from waiting: the sweeper spends the id itself. If that works, no row can come any
//! more and the pieces go back. If the id has a row, that row decides.

use std::sync::Arc;

use mall_types::ProductId;

use super::tidy::{Taken, Tidy};
use crate::failure::Failure;
use crate::hot::Pending;
use crate::state::Stock;

impl Stock {
    /// Settles every take of these products that is old enough; returns how many.
    pub async fn sweep(self: &Arc<Self>, ids: &[ProductId]) -> Result<usize, Failure> {
        let counts = self.hot.pending_counts(ids).await?;
        let mut settled = 0;
        for (id, _) in ids.iter().zip(counts).filter(|(_, count)| *count > 0) {
            let known = self.hot.known(*id).await?;
            let (mut tidy, mut some) = (Tidy::default(), 0);
            for take in known
                .pending
                .iter()
                .filter(|take| take.deadline <= known.now)
            {
                self.settle_one(*id, take, &mut tidy).await?;
                some += 1;
            }
            if some > 0 {
                tracing::info!(
                    product.id = id.0,
                    takes = some,
                    "settled takes that nobody had settled"
                );
                self.metrics.swept.add(some as u64);
                self.tidy(tidy).await;
            }
            settled += some;
        }
        Ok(settled)
    }

    async fn settle_one(
        &self,
        product: ProductId,
        pending: &Pending,
        tidy: &mut Tidy,
    ) -> Result<(), Failure> {
        let take = Taken {
            product,
            request: pending.id,
            nonce: pending.nonce,
            own: true,
        };
        if self.spend(pending.id).await? {
            self.faults.reach("sweep.spent").await;
            tidy.back(take);
            return Ok(());
        }
        match self.existing(pending.id).await? {
            Some(existing) if existing.lines.iter().any(|line| line.product_id == product) => {
                tidy.booked(take)
            }
            _ => tidy.back(take),
        }
        Ok(())
    }
}
