//! Reserving: all lines or none, once per id.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mall_db::TxError;
use mall_stock_api::ReservationState as State;
use mall_types::ProductId;
use uuid::Uuid;

use super::book::Unbooked;
use super::marks::made;
use super::tidy::{Taken, Tidy};
use crate::domain::{Order, Refusal};
use crate::failure::Failure;
use crate::hot::{Booked, HotError, Take, Takes};
use crate::state::Stock;

/// A count that is loaded and gone again before it could be used is loaded once more, so often.
const LOADS: usize = 3;

/// For so long after a load Redis may not know ids of requests that can still be repeated.
const FORGETFUL_MS: i64 = 120_000;
/// The clock by which ids are made may differ from Redis' by so much.
const SKEW_MS: i64 = 5_000;

/// How far back Redis remembers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// How old the load of the count is, in milliseconds.
    age: i64,
    /// When that was, by Redis' clock: this machine's may be wrong.
    loaded: i64,
}

impl Memory {
    /// Whether a request of this id may have been accepted before Redis was emptied and loaded: MySQL knows.
    pub(crate) fn may_lack(self, id: Uuid) -> bool {
        let before = made(id).is_none_or(|made| made < self.loaded + SKEW_MS);
        self.age < FORGETFUL_MS && before
    }
}

impl Stock {
    /// Takes what `order` asks for, or says where the reservation of its id stands.
    ///
    /// One product: through the product's combiner. Several: taken one after the other by ascending id, booked together.
    pub async fn reserve(self: &Arc<Self>, order: Order) -> Result<State, Failure> {
        self.check_open(&order).await?;
        if let Err(sold_out) = self.check_marks(&order) {
            self.metrics.sold_out.inc();
            return Err(sold_out.into());
        }
        let outcome = match order.single() {
            Some(line) => self.reserve_combined(order, line).await,
            // Apart, as it is large: the future of every request would have room for it, and be moved with it.
            None => Box::pin(self.reserve_several(order)).await,
        };
        match &outcome {
            Ok(_) => self.metrics.reserved.inc(),
            Err(Failure::Refused(Refusal::SoldOut(_) | Refusal::Insufficient { .. })) => {
                self.metrics.sold_out.inc()
            }
            Err(Failure::LockTimeout | Failure::Crowded) => self.metrics.lock_timeouts.inc(),
            Err(_) => {}
        }
        outcome
    }

    async fn reserve_several(self: &Arc<Self>, order: Order) -> Result<State, Failure> {
        self.ask_mysql_in_doubt().await?;
        let mut tidy = Tidy::default();
        let nonce = Uuid::new_v4();
        let mut taken = Vec::with_capacity(order.lines.len());
        for line in &order.lines {
            let batch = [(order.id, line.quantity)];
            let outcome = match self
                .take(line.product_id, nonce, self.hot.wait(), &[], &batch)
                .await
            {
                Ok((memory, outcomes)) => {
                    Ok((memory.may_lack(order.id), outcomes.into_iter().next()))
                }
                Err(failure) => Err(failure),
            };
            let take = Taken {
                product: line.product_id,
                request: order.id,
                nonce,
                own: true,
            };
            let refused = match outcome {
                Ok((_, Some(Take::Taken))) => {
                    taken.push(take);
                    self.faults.reach("several.taken").await;
                    continue;
                }
                Ok((_, Some(Take::Pending(other)))) => {
                    taken.push(Taken {
                        nonce: other,
                        own: other == nonce,
                        ..take
                    });
                    continue;
                }
                Ok((_, Some(Take::Booked))) => self.answer_booked(&order).await,
                Ok((true, Some(Take::Short(left)))) => {
                    self.refuse_unless_booked(&order, line.product_id, left)
                        .await
                }
                Ok((false, Some(Take::Short(left)))) => {
                    Err(Refusal::short(line.product_id, left).into())
                }
                Ok((_, None)) => Err(Failure::Redis("no outcome".to_owned())),
                Err(failure) => Err(failure),
            };
            taken.into_iter().for_each(|take| tidy.back(take));
            self.tidy(tidy).await;
            return refused;
        }
        let outcome = self.book_taken(&order, &taken, &mut tidy).await;
        self.faults.reach("several.booked").await;
        self.tidy(tidy).await;
        outcome
    }

    /// Takes for a batch of one product's requests, and settles batches that are booked by now; loads the count first when Redis
    /// has none. Says along with the outcomes which ids Redis may have forgotten. After [`Failure::LockTimeout`] nothing is settled.
    pub(crate) async fn take(
        self: &Arc<Self>,
        product: ProductId,
        nonce: Uuid,
        wait: Duration,
        booked: &[Booked],
        batch: &[(Uuid, i64)],
    ) -> Result<(Memory, Vec<Take>), Failure> {
        for _ in 0..LOADS {
            let asked = Instant::now();
            match self
                .hot
                .take(product, nonce, self.pending_age, wait, booked, batch)
                .await
            {
                Ok(Takes::Done {
                    now,
                    age,
                    missing,
                    outcomes,
                }) => {
                    if missing > 0 {
                        self.remember(product, booked);
                    }
                    let empty = |take: &Take| matches!(take, Take::Short(left) if *left < 1);
                    if outcomes.iter().any(empty) {
                        self.marks.sold_out(product, (now, asked));
                    }
                    let loaded = now - age;
                    return Ok((Memory { age, loaded }, outcomes));
                }
                Ok(Takes::NotLoaded) => self.rebuild(product).await?,
                Err(HotError::LockTimeout) => return Err(Failure::LockTimeout),
                Err(HotError::Away(error)) => {
                    // The answer may be what got lost.
                    self.put_back_later(
                        product,
                        batch.iter().map(|(id, _)| (*id, nonce)).collect(),
                    );
                    return Err(Failure::Redis(error));
                }
            }
        }
        Err(Failure::LockTimeout)
    }

    /// Books one request whose lines are all taken, and notes what becomes of its takes.
    pub(crate) async fn book_taken(
        &self,
        order: &Order,
        taken: &[Taken],
        tidy: &mut Tidy,
    ) -> Result<State, Failure> {
        match self.book_one(order).await {
            Ok(()) => {
                taken.iter().for_each(|take| tidy.booked(*take));
                Ok(State::Held)
            }
            Err(TxError::Refuse(Unbooked::Spent)) => {
                taken.iter().for_each(|take| tidy.back(*take));
                self.answer_booked(order).await
            }
            Err(TxError::Refuse(Unbooked::Short(product, left))) => {
                for take in taken {
                    if take.product == product {
                        tidy.void(*take)
                    } else {
                        tidy.back(*take)
                    }
                }
                Err(Refusal::short(product, left).into())
            }
            Err(TxError::Refuse(Unbooked::No(refusal))) => {
                taken.iter().for_each(|take| tidy.back(*take));
                Err(refusal.into())
            }
            Err(TxError::Refuse(Unbooked::Changed | Unbooked::Passed)) => {
                taken.iter().for_each(|take| tidy.back(*take));
                Err(Failure::LockTimeout)
            }
            Err(failed) => {
                self.failed(&failed, taken.iter().copied(), tidy);
                Err(failed.map(|_| Refusal::ReservationUnknown).into())
            }
        }
    }

    /// A booking that came to nothing puts its takes back. After a commit of unknown outcome they stay pending: the same
    /// request may come again and find out, else the sweeper does.
    pub(crate) fn failed(
        &self,
        error: &TxError<Unbooked>,
        taken: impl Iterator<Item = Taken>,
        tidy: &mut Tidy,
    ) {
        self.doubt.store(true, Ordering::Relaxed);
        if matches!(error, TxError::Db(_)) {
            taken.for_each(|take| tidy.back(take));
        }
    }

    /// After a failed booking MySQL is asked first: takes that can't be booked would empty the shelf for everybody.
    pub(crate) async fn ask_mysql_in_doubt(&self) -> Result<(), Failure> {
        if self.doubt.load(Ordering::Relaxed) {
            self.db
                .ping()
                .await
                .map_err(|error| Failure::from(TxError::<Refusal>::Db(error)))?;
            self.doubt.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The answer to a request whose id has a row.
    pub(crate) async fn answer_booked(&self, order: &Order) -> Result<State, Failure> {
        match self.existing(order.id).await? {
            Some(existing) => Ok(existing.answer(order)?),
            // Only if somebody emptied the table under a Redis that remembers.
            None => Err(Failure::Redis(format!(
                "reservation {} is marked as booked and is not",
                order.id
            ))),
        }
    }

    /// A refusal for want of pieces, by a Redis that may have forgotten that this request was accepted before.
    pub(crate) async fn refuse_unless_booked(
        &self,
        order: &Order,
        product: ProductId,
        left: i64,
    ) -> Result<State, Failure> {
        match self.existing(order.id).await? {
            Some(existing) => Ok(existing.answer(order)?),
            None => Err(Refusal::short(product, left).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_older_than_the_load_may_be_forgotten() {
        let loaded = 1_000_000;
        let id = |made: i64| {
            let seven = 0x7000_8000_0000_0000_0000;
            Uuid::from_u128(u128::try_from(made).unwrap() << 80 | seven)
        };
        let young = Memory {
            age: 60_000,
            loaded,
        };
        assert!(young.may_lack(id(loaded - 1)) && young.may_lack(id(loaded + 4_999)));
        assert!(!young.may_lack(id(loaded + 5_000)));
        assert!(
            young.may_lack(Uuid::from_u128(1)),
            "it does not say its time"
        );
        let old = Memory {
            age: FORGETFUL_MS,
            loaded,
        };
        assert!(!old.may_lack(id(loaded - 1)));
    }
}
