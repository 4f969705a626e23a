//! When a product opens and what its limit is, as this process believes. MySQL's guard on every booking has the last word on
//! both, so a belief may be old: it only spares Redis a crowd before the opening, and says which limit to count against.
//!
//! An opening is counted down from what MySQL's clock said, by a clock that never jumps: this machine's time of day may be wrong.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use mall_db::TxError;
use mall_types::ProductId;

use crate::domain::{Facts, Order, Refusal};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::items;

/// That a product is closed is believed for so long: its opening may have been moved forward.
const CLOSED_FOR: Duration = Duration::from_secs(1);

/// What MySQL said of a product.
#[derive(Clone, Copy)]
struct Belief {
    facts: Facts,
    /// When it opens; `None`: it was open.
    opens: Option<Instant>,
    /// When MySQL said so.
    read: Instant,
}

impl Belief {
    /// The opening time, when it has not come yet.
    fn closed(&self) -> Option<DateTime<Utc>> {
        let closed = self.opens.is_some_and(|opens| Instant::now() < opens);
        self.facts.opens.filter(|_| closed)
    }
}

/// The beliefs, by product.
#[derive(Default)]
pub struct Beliefs(Mutex<HashMap<ProductId, Belief>>);

impl Beliefs {
    fn all(&self) -> MutexGuard<'_, HashMap<ProductId, Belief>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stock {
    /// What is believed of a product; nothing in particular of one that was never asked for.
    pub(crate) fn believed(&self, id: ProductId) -> Facts {
        self.beliefs
            .all()
            .get(&id)
            .map(|belief| belief.facts)
            .unwrap_or_default()
    }

    /// What MySQL said just now, its clock at `now`, for from now on.
    pub(crate) fn believe(&self, id: ProductId, facts: Facts, now: DateTime<Utc>) {
        let read = Instant::now();
        let left = facts.closed(now).map(|opens| (opens - now).to_std());
        let belief = Belief {
            facts,
            opens: left.map(|left| read + left.unwrap_or_default()),
            read,
        };
        self.beliefs.all().insert(id, belief);
    }

    /// Refuses an order for what has not opened yet, before Redis is touched.
    pub(crate) async fn check_open(&self, order: &Order) -> Result<(), Failure> {
        for product in order.products() {
            if let Some(opens) = self.closed(product).await? {
                return Err(Refusal::NotYetOpen { product, opens }.into());
            }
        }
        Ok(())
    }

    /// When the product opens, if it has not.
    async fn closed(&self, id: ProductId) -> Result<Option<DateTime<Utc>>, Failure> {
        if let Some(belief) = self.beliefs.all().get_mut(&id) {
            let closed = belief.closed();
            if closed.is_none() || belief.read.elapsed() < CLOSED_FOR {
                return Ok(closed);
            }
            // Whoever comes meanwhile does not read as well.
            belief.read = Instant::now();
        }
        // Apart, as it is rare and large: see `reserve`.
        Box::pin(self.read_closed(id)).await
    }

    async fn read_closed(&self, id: ProductId) -> Result<Option<DateTime<Utc>>, Failure> {
        let read = self.db.read("stock_facts", move |conn| {
            Box::pin(async move { Ok(items::facts(conn, id).await?) })
        });
        match read.await {
            Ok(Some((facts, now))) => {
                self.believe(id, facts, now);
                Ok(facts.closed(now))
            }
            // Taking says so, in its own way.
            Ok(None) => Ok(None),
            Err(error) => {
                let error: TxError<Refusal> = error;
                tracing::debug!(product.id = id.0, error = %error, "could not read when the product opens");
                Ok(self.beliefs.all().get(&id).and_then(Belief::closed))
            }
        }
    }
}
