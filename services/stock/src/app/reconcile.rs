//! Reconciliation: every product's count in Redis against MySQL. The original's half-hourly job wrote Redis' stock back to
//! MySQL; here MySQL is right and Redis is repaired.

use std::sync::Arc;
use std::time::Duration;

use mall_types::ProductId;

use crate::failure::Failure;
use crate::state::Stock;
use crate::store::items;

const PAGE: u32 = 500;

/// A difference may be a release on its way from MySQL to Redis; one that is still there after so long is not.
const SECOND_LOOK: Duration = Duration::from_millis(200);

/// What a reconciliation found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Products compared.
    pub products: usize,
    /// Products whose count differed and was put right.
    pub repaired: usize,
    /// Pieces by which they differed, in sum, regardless of direction.
    pub drift: i64,
}

impl Stock {
    /// Compares every product, repairs Redis, and reports. Ends early when `stop` says so.
    pub async fn reconcile(
        self: &Arc<Self>,
        stop: impl Fn() -> bool,
    ) -> Result<Reconciled, Failure> {
        let mut found = Reconciled::default();
        let mut failed = None;
        let mut after = i64::MIN;
        while !stop() {
            let ids = self.products_after(after).await?;
            let Some(last) = ids.last() else { break };
            after = last.0;
            for id in ids {
                if stop() {
                    break;
                }
                // One product in trouble (its lock is held on and on, say) keeps no other from being compared.
                match self.compare(id).await {
                    Ok(drift) => {
                        found.products += 1;
                        found.repaired += usize::from(drift != 0);
                        found.drift += drift.abs();
                    }
                    Err(failure) => failed = Some(failure),
                }
            }
        }
        self.metrics.drift.set(found.drift as f64);
        match failed {
            Some(failure) => Err(failure),
            None => Ok(found),
        }
    }

    /// Settles old takes of every product.
    pub async fn sweep_all(self: &Arc<Self>, stop: impl Fn() -> bool) -> Result<usize, Failure> {
        let (mut settled, mut after) = (0, i64::MIN);
        while !stop() {
            let ids = self.products_after(after).await?;
            let Some(last) = ids.last() else { break };
            after = last.0;
            settled += self.sweep(&ids).await?;
        }
        Ok(settled)
    }

    /// By how much Redis differed; it is right afterwards.
    async fn compare(&self, id: ProductId) -> Result<i64, Failure> {
        let shown = self.hot.known(id).await?;
        let known = self.db.read("stock_item", move |conn| {
            Box::pin(async move { Ok(items::find(conn, id).await?) })
        });
        let item = known.await.map_err(Failure::from)?;
        let same = item.is_some_and(|item| {
            shown.available == Some(item.available) && shown.name == Some(item.name)
        });
        if same && shown.pending.is_empty() {
            return Ok(0);
        }
        // Seen without the lock, so it may be sales and releases on their way. Under the lock it is certain.
        tokio::time::sleep(SECOND_LOOK).await;
        Ok(self.rebuild_now(id).await?.drift())
    }

    async fn products_after(&self, after: i64) -> Result<Vec<ProductId>, Failure> {
        let page = self.db.read("stock_page", move |conn| {
            Box::pin(async move { Ok(items::page(conn, after, PAGE).await?) })
        });
        page.await.map_err(Failure::from)
    }
}
