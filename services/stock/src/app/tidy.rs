//! What happens to takes in Redis once MySQL has spoken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mall_types::ProductId;
use tokio::time::Instant;
use uuid::Uuid;

use crate::hot::{Booked, Settled};
use crate::state::{SharedStock, Stock};

/// Request and nonce.
pub(super) type Pairs = Vec<(Uuid, Uuid)>;

/// Takes by what became of them.
#[derive(Default)]
pub struct Tidy {
    /// MySQL has the row.
    pub booked: BTreeMap<ProductId, Pairs>,
    /// There is no row and none will come; Redis was right.
    pub back: BTreeMap<ProductId, Pairs>,
    /// There is no row because MySQL has less than Redis showed.
    pub void: BTreeMap<ProductId, Pairs>,
}

/// One take of one request.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Of this product.
    pub product: ProductId,
    /// Of this request.
    pub request: Uuid,
    /// Under this nonce.
    pub nonce: Uuid,
    /// Taken by us; else by an earlier try of the same request, which may still be under way: only the sweeper may put
    /// that back.
    pub own: bool,
}

impl Tidy {
    /// MySQL has the row.
    pub fn booked(&mut self, take: Taken) {
        self.booked
            .entry(take.product)
            .or_default()
            .push((take.request, take.nonce));
    }

    /// All but the bookings, which stay here.
    pub(super) fn but_booked(&mut self) -> Self {
        Self {
            booked: BTreeMap::new(),
            back: std::mem::take(&mut self.back),
            void: std::mem::take(&mut self.void),
        }
    }

    /// It is not to be.
    pub fn back(&mut self, take: Taken) {
        if take.own {
            self.back
                .entry(take.product)
                .or_default()
                .push((take.request, take.nonce));
        }
    }

    /// MySQL had less.
    pub fn void(&mut self, take: Taken) {
        if take.own {
            self.void
                .entry(take.product)
                .or_default()
                .push((take.request, take.nonce));
        }
    }
}

impl Stock {
    /// Puts back and voids before anybody is answered, so that a refused request leaves the shelf as it was; marks bookings
    /// after, because nobody waits for that.
    pub(crate) async fn tidy(self: &Arc<Self>, tidy: Tidy) {
        for (product, takes) in tidy.back {
            match self.hot.put_back(product, &takes).await {
                Ok(_) => self.marks.back(product),
                Err(_) => self.put_back_later(product, takes),
            }
        }
        for (product, takes) in tidy.void {
            // Should Redis not hear of it, the load counts these takes as pending until the sweeper finds them.
            let _ = self.hot.settle(product, Settled::Void, &takes).await;
            if self.rebuild(product).await.is_err() {
                self.heal_later(product);
            }
        }
        for (product, takes) in tidy.booked {
            self.mark_booked_later(product, takes);
        }
    }

    /// Ends the pending life of takes whose rows are there; nobody waits for that.
    pub(super) fn mark_booked_later(self: &Arc<Self>, product: ProductId, takes: Pairs) {
        if !takes.is_empty() {
            tokio::spawn(mark_booked(Arc::clone(self), product, takes));
        }
    }

    /// The same of batches all of whose rows are there.
    pub(super) fn settle_later(self: &Arc<Self>, product: ProductId, booked: Vec<Booked>) {
        if booked.is_empty() {
            return;
        }
        let stock = Arc::clone(self);
        tokio::spawn(async move {
            // When Redis does not answer, the sweeper finds the takes and their rows.
            if let Ok(missing) = stock.hot.settle_whole(product, &booked).await
                && missing > 0
            {
                stock.remember(product, &booked);
            }
        });
    }

    /// Redis was emptied or an older one took over while these were booked: it learns their ids again, and its count is looked at.
    pub(super) fn remember(self: &Arc<Self>, product: ProductId, booked: &[Booked]) {
        let takes = booked
            .iter()
            .flat_map(|batch| batch.ids.iter().map(|id| (*id, batch.nonce)));
        self.mark_booked_later(product, takes.collect());
        self.shows_too_many(product);
    }

    /// Takes were not pending any more although their rows came: Redis was emptied, restored, or put back too early.
    pub(super) fn shows_too_many(self: &Arc<Self>, product: ProductId) {
        self.heal_later(product);
    }

    /// Puts takes back as soon as Redis answers. Given up when they are old enough for the sweeper.
    pub(crate) fn put_back_later(self: &Arc<Self>, product: ProductId, takes: Pairs) {
        let stock = Arc::clone(self);
        tokio::spawn(async move {
            let give_up = Instant::now() + stock.pending_age;
            while Instant::now() < give_up {
                tokio::time::sleep(Duration::from_millis(200)).await;
                if stock.hot.put_back(product, &takes).await.is_ok() {
                    stock.marks.back(product);
                    return;
                }
            }
        });
    }
}

async fn mark_booked(stock: SharedStock, product: ProductId, takes: Pairs) {
    // When Redis does not answer, the sweeper finds the takes and their rows.
    if let Ok(missing) = stock.hot.settle(product, Settled::Booked, &takes).await
        && missing > 0
    {
        stock.shows_too_many(product);
    }
}
