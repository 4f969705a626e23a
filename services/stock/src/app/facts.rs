//! When a product opens and what its limit is, as this process believes. MySQL's guard on every booking has the last word on
//! both, so a belief may be old: it only spares Redis a crowd before the opening, and says which limit to count against.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mall_db::TxError;
use mall_types::ProductId;

use crate::domain::{Facts, Order, Refusal};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::items;

/// That a product is closed is believed for so long: its opening may have been moved forward.
const CLOSED_FOR: Duration = Duration::from_secs(1);

/// The beliefs, by product, with when they were read.
#[derive(Default)]
pub struct Beliefs(Mutex<HashMap<ProductId, (Facts, Instant)>>);

impl Beliefs {
    fn all(&self) -> MutexGuard<'_, HashMap<ProductId, (Facts, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stock {
    /// What is believed of a product; nothing in particular of one that was never asked for.
    pub(crate) fn believed(&self, id: ProductId) -> Facts {
        self.beliefs
            .all()
            .get(&id)
            .map(|(facts, _)| *facts)
            .unwrap_or_default()
    }

    /// What MySQL says, for from now on.
    pub(crate) fn believe(&self, id: ProductId, facts: Facts) {
        self.beliefs.all().insert(id, (facts, Instant::now()));
    }

    /// Refuses an order for what has not opened yet, before Redis is touched.
    pub(crate) async fn check_open(&self, order: &Order) -> Result<(), Failure> {
        for product in order.products() {
            let facts = self.facts(product).await?;
            if let Some(opens) = facts.closed(self.clock.now()) {
                return Err(Refusal::NotYetOpen { product, opens }.into());
            }
        }
        Ok(())
    }

    async fn facts(&self, id: ProductId) -> Result<Facts, Failure> {
        let now = self.clock.now();
        let old = {
            let mut beliefs = self.beliefs.all();
            match beliefs.get_mut(&id) {
                Some((facts, read)) => {
                    if facts.closed(now).is_none() || read.elapsed() < CLOSED_FOR {
                        return Ok(*facts);
                    }
                    // Whoever comes meanwhile does not read as well.
                    *read = Instant::now();
                    Some(*facts)
                }
                None => None,
            }
        };
        let read = self.db.read("stock_facts", move |conn| {
            Box::pin(async move { Ok(items::find(conn, id).await?) })
        });
        match read.await {
            Ok(Some(item)) => {
                self.believe(id, item.facts);
                Ok(item.facts)
            }
            // Taking says so, in its own way.
            Ok(None) => Ok(Facts::default()),
            Err(error) => {
                let error: TxError<Refusal> = error;
                tracing::debug!(product.id = id.0, error = %error, "could not read when the product opens");
                Ok(old.unwrap_or_default())
            }
        }
    }
}
