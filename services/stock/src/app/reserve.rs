//! Reserving: all lines or none, once per id.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mall_db::TxError;
use mall_stock_api::ReservationState as State;
use mall_types::ProductId;
use uuid::Uuid;

use super::book::Unbooked;
use super::tidy::{Taken, Tidy};
use crate::domain::{Order, Refusal};
use crate::failure::Failure;
use crate::hot::{HotError, Take, Takes};
use crate::state::Stock;

/// A count that is loaded and gone again before it could be used is loaded once more, so often.
const LOADS: usize = 3;

impl Stock {
    /// Takes what `order` asks for, or says where the reservation of its id stands.
    ///
    /// One product: through the product's combiner. Several: taken one after the other by ascending id, booked together.
    pub async fn reserve(self: &Arc<Self>, order: Order) -> Result<State, Failure> {
        self.check_open(&order).await?;
        let outcome = match order.single() {
            Some(line) => self.reserve_combined(order, line).await,
            None => self.reserve_several(order).await,
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
                Ok((forgetful, outcomes)) => Ok((forgetful, outcomes.into_iter().next())),
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
        self.tidy(tidy).await;
        outcome
    }

    /// Takes for a batch of one product's requests, and settles takes that are booked by now; loads the count first when Redis
    /// has none. The flag: Redis may have forgotten ids that MySQL has. After [`Failure::LockTimeout`] nothing is settled.
    pub(crate) async fn take(
        self: &Arc<Self>,
        product: ProductId,
        nonce: Uuid,
        wait: Duration,
        booked: &[(Uuid, Uuid)],
        batch: &[(Uuid, i64)],
    ) -> Result<(bool, Vec<Take>), Failure> {
        for _ in 0..LOADS {
            match self
                .hot
                .take(product, nonce, self.pending_age, wait, booked, batch)
                .await
            {
                Ok(Takes::Done {
                    forgetful,
                    missing,
                    outcomes,
                }) => {
                    if missing > 0 {
                        self.shows_too_many(product);
                    }
                    return Ok((forgetful, outcomes));
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
            Err(TxError::Refuse(Unbooked::Changed(..) | Unbooked::Passed)) => {
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
