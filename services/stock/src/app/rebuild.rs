//! Loading a product's count from MySQL: when Redis has none, and when it is known to be wrong.
//!
//! Under the lock nobody takes, puts back or gives, so with the pending takes read first, the right count is
//! `available in MySQL - pieces of pending takes that have no row yet`, both of one moment of MySQL. Bookings go on
//! meanwhile and change neither: a booking moves pieces from the second term into the first.
//!
//! Giving back does go on in MySQL, and its step in Redis may come after this load, which already counted it. Therefore each
//! load sets a new epoch, and whoever gives back under an older one loads anew instead of adding.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mall_lock::Guard;
use mall_types::ProductId;

use crate::domain::Refusal;
use crate::failure::Failure;
use crate::state::{SharedStock, Stock};
use crate::store::items;

/// A load that lost its lock is tried again so often.
const ATTEMPTS: usize = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a load found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// What Redis showed; `None`: nothing.
    pub shown: Option<i64>,
    /// What it shows now.
    pub right: i64,
}

impl Rebuilt {
    /// By how much Redis showed too many (or, negative, too few).
    pub fn drift(self) -> i64 {
        self.shown.map_or(0, |shown| shown - self.right)
    }
}

/// Loads under way, so that a crowd that finds a count missing loads it once.
#[derive(Default)]
pub struct Rebuilds(Mutex<HashMap<ProductId, Arc<Turn>>>);

#[derive(Default)]
struct Turn {
    wanted: AtomicU64,
    /// Every wish up to this number is fulfilled.
    done: tokio::sync::Mutex<u64>,
}

impl Rebuilds {
    fn turn(&self, id: ProductId) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(id).or_default())
    }
}

impl Stock {
    /// Makes Redis show what MySQL says. Calls at the same time share one load that began after each of them.
    pub async fn rebuild(&self, id: ProductId) -> Result<(), Failure> {
        // Known to MySQL at all? An unknown product costs no lock.
        let known = self.db.read("stock_known", move |conn| {
            Box::pin(async move { Ok(items::find(conn, id).await?) })
        });
        if known.await.map_err(Failure::from)?.is_none() {
            return Err(Refusal::ProductUnknown(id).into());
        }
        let turn = self.rebuilds.turn(id);
        let mine = turn.wanted.fetch_add(1, Ordering::AcqRel) + 1;
        let mut done = turn.done.lock().await;
        if *done >= mine {
            return Ok(());
        }
        let covers = turn.wanted.load(Ordering::Acquire);
        self.rebuild_now(id).await?;
        *done = covers;
        Ok(())
    }

    /// The same without sharing, with what was found.
    pub async fn rebuild_now(&self, id: ProductId) -> Result<Rebuilt, Failure> {
        for _ in 0..ATTEMPTS {
            let guard = self.hot.hold(id).await?;
            let rebuilt = self.rebuild_under(id, &guard).await;
            let _ = guard.release().await;
            if let Some(rebuilt) = rebuilt? {
                return Ok(rebuilt);
            }
        }
        Err(Failure::LockTimeout)
    }

    /// The same under a lock that is held already; `None`: the lock was lost, nothing changed.
    pub(crate) async fn rebuild_under(
        &self,
        id: ProductId,
        guard: &Guard,
    ) -> Result<Option<Rebuilt>, Failure> {
        let known = self.hot.known(id).await?;
        let asked: Arc<[_]> = known.pending.iter().map(|take| take.id).collect();
        let snapshot = self.db.read("stock_snapshot", move |conn| {
            let asked = Arc::clone(&asked);
            Box::pin(async move { Ok(items::snapshot(conn, id, &asked).await?) })
        });
        let Some(snapshot) = snapshot.await.map_err(Failure::from)? else {
            return Err(Refusal::ProductUnknown(id).into());
        };
        let unbooked: i64 = known
            .pending
            .iter()
            .filter(|take| !snapshot.booked.contains(&take.id))
            .map(|take| take.quantity)
            .sum();
        let right = (snapshot.available - unbooked).max(0);
        let rebuilt = Rebuilt {
            shown: known.available,
            right,
        };
        if known.available == Some(right) && known.name.as_deref() == Some(snapshot.name.as_str()) {
            return Ok(Some(rebuilt));
        }
        if !self.hot.load(id, guard, &snapshot.name, right).await? {
            return Ok(None);
        }
        self.marks.back(id);
        self.metrics.loads.inc();
        if rebuilt.drift() != 0 {
            tracing::warn!(
                product.id = id.0,
                stock.shown = rebuilt.shown,
                stock.right = right,
                "Redis differed from MySQL for product {id} and was put right"
            );
        }
        Ok(Some(rebuilt))
    }

    /// Loads in the background until it succeeds. For counts that are known to be wrong.
    pub(crate) fn heal_later(self: &Arc<Self>, id: ProductId) {
        {
            let mut healing = self.healing.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(again) = healing.get_mut(&id) {
                *again = true;
                return;
            }
            healing.insert(id, false);
        }
        tokio::spawn(heal(Arc::clone(self), id));
    }
}

async fn heal(stock: SharedStock, id: ProductId) {
    let mut pause = FIRST_PAUSE;
    loop {
        match stock.rebuild(id).await {
            Ok(()) | Err(Failure::Refused(_)) => {
                pause = FIRST_PAUSE;
                let mut healing = stock.healing.lock().unwrap_or_else(PoisonError::into_inner);
                // Something may have gone wrong again after this load had looked.
                match healing.get_mut(&id) {
                    Some(again) if *again => *again = false,
                    _ => {
                        healing.remove(&id);
                        return;
                    }
                }
            }
            Err(failure) => {
                tracing::debug!(product.id = id.0, error = %failure, "could not load the count yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}
