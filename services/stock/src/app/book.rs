//! Booking takes in MySQL: the step that counts.
//!
//! What is read before decides nothing: the guards stand in the message that commits, and when one of them says no, it is read again
//! why.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mall_db::{Ending, TxError, is_duplicate, is_null_refused};
use mall_types::{ProductId, UserId};
use sqlx::MySqlConnection;
use uuid::Uuid;

use crate::domain::{Existing, Line, Order, Refusal, admit, sums};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::allowances;
use crate::store::bookings::{Hold, Statements};
use crate::store::items::{self, Item};
use crate::store::reservations;

/// What was read and is not true any more is read anew, so often.
const LOOKS: usize = 4;

/// Why a booking was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbooked {
    /// The id - in a batch, one of them - has a row already.
    Spent,
    /// MySQL has fewer pieces than asked: so many are left.
    Short(ProductId, i64),
    /// MySQL does not know the product, it has not opened, or the buyer would hold too many.
    No(Refusal),
    /// A product's limit is another one than was counted against; it is believed by now.
    Changed,
    /// A guard said no, and a moment later nothing was in its way.
    Passed,
}

impl Stock {
    /// Books reservations of one product in one transaction: all that the limit per buyer lets through, or none. One word per
    /// reservation, in order: `None` is booked, a refusal is not.
    pub(crate) async fn book_batch(
        &self,
        product: ProductId,
        holds: Vec<Hold>,
    ) -> Result<Vec<Option<Refusal>>, TxError<Unbooked>> {
        let holds: Arc<[Hold]> = holds.into();
        let mut look = 1;
        loop {
            let limit = self.believed(product).limit;
            let unbooked = match self.try_batch(product, Arc::clone(&holds), limit).await {
                Err(TxError::Refuse(unbooked)) => unbooked,
                Err(error) if is_null(&error) => {
                    let pieces = holds.iter().map(|hold| hold.quantity).sum();
                    self.why_not(&[(product, pieces, limit)]).await?
                }
                other => return other.map_err(spent),
            };
            match unbooked {
                Unbooked::Changed | Unbooked::Passed if look < LOOKS => {}
                // Not all, or too often: each by itself.
                unbooked => return Err(TxError::refuse(unbooked)),
            }
            look += 1;
        }
    }

    async fn try_batch(
        &self,
        product: ProductId,
        holds: Arc<[Hold]>,
        limit: Option<i64>,
    ) -> Result<Vec<Option<Refusal>>, TxError<Unbooked>> {
        let now = self.clock.now();
        let read = Arc::clone(&holds);
        let refusals = match limit {
            None => vec![None; holds.len()],
            Some(limit) => {
                let read = self.db.read("allowances", move |conn| {
                    let holds = Arc::clone(&read);
                    Box::pin(async move { Ok(allow(conn, product, &holds, limit).await?) })
                });
                read.await?
            }
        };
        let mut fit: Vec<Hold> = holds
            .iter()
            .zip(&refusals)
            .filter(|(_, refusal)| refusal.is_none())
            .map(|(hold, _)| *hold)
            .collect();
        if fit.is_empty() {
            // Nothing is booked, so no guard says whether the limit is still this one.
            return match self.why_not(&[(product, 0, limit)]).await? {
                Unbooked::Passed => Ok(refusals),
                unbooked => Err(TxError::refuse(unbooked)),
            };
        }
        // Two instances that got the same requests lock their rows in the same order.
        fit.sort_unstable_by_key(|hold| hold.id);
        let mut end = Statements::at(now);
        if limit.is_some() {
            end.count(product, &fit);
        }
        end.book(product, &fit, limit.is_some());
        end.hold(product, &fit, limit);
        self.end("reserve_batch", end).await?;
        Ok(refusals)
    }

    /// Books one reservation of any number of products.
    pub(crate) async fn book_one(&self, order: &Order) -> Result<(), TxError<Unbooked>> {
        let mut look = 1;
        loop {
            let lines: Vec<(Line, Option<i64>)> = order
                .lines
                .iter()
                .map(|line| (*line, self.believed(line.product_id).limit))
                .collect();
            let unbooked = match self.try_one(order, &lines).await {
                Ok(()) => return Ok(()),
                Err(error) if is_null(&error) => {
                    let asked: Vec<_> = lines
                        .iter()
                        .map(|(line, limit)| (line.product_id, line.quantity, *limit))
                        .collect();
                    match self.why_not(&asked).await? {
                        Unbooked::Passed => self.over(order, &lines).await?,
                        unbooked => unbooked,
                    }
                }
                Err(error) => return Err(spent(error)),
            };
            match unbooked {
                Unbooked::Changed | Unbooked::Passed if look < LOOKS + lines.len() => {}
                unbooked => return Err(TxError::refuse(unbooked)),
            }
            look += 1;
        }
    }

    async fn try_one(
        &self,
        order: &Order,
        lines: &[(Line, Option<i64>)],
    ) -> Result<(), TxError<Unbooked>> {
        let mut end = Statements::at(self.clock.now());
        let hold = |line: &Line| Hold {
            id: order.id,
            buyer: order.buyer,
            quantity: line.quantity,
        };
        for (line, limit) in lines {
            if limit.is_some() {
                end.count(line.product_id, &[hold(line)]);
            }
        }
        if let [(line, limit)] = lines {
            end.book(line.product_id, &[hold(line)], limit.is_some());
        } else {
            let counted: Vec<(Line, bool)> = lines
                .iter()
                .map(|(line, limit)| (*line, limit.is_some()))
                .collect();
            end.book_lines(order.id, order.buyer, &counted);
        }
        for (line, limit) in lines {
            end.hold(line.product_id, &[hold(line)], *limit);
        }
        self.end("reserve_one", end).await
    }

    /// All of it in one message.
    pub(crate) async fn end<E: Send + 'static>(
        &self,
        name: &'static str,
        end: Statements,
    ) -> Result<(), TxError<E>> {
        let text: Arc<str> = end.text().into();
        self.db
            .run_ending(name, move |_| {
                let statements = text.to_string();
                Box::pin(async move {
                    Ok(Ending {
                        value: (),
                        statements,
                    })
                })
            })
            .await
    }

    /// What is in the way of taking so many pieces of each product against these limits, besides what the buyers hold. What MySQL says
    /// of them is believed from then on, so that nobody else takes what it would refuse again.
    async fn why_not(
        &self,
        asked: &[(ProductId, i64, Option<i64>)],
    ) -> Result<Unbooked, TxError<Unbooked>> {
        let products: Arc<[ProductId]> = asked.iter().map(|(product, ..)| *product).collect();
        let read = self.db.read("why_not_booked", move |conn| {
            let products = Arc::clone(&products);
            Box::pin(async move {
                // The clock of the guard.
                let now = items::now(conn).await?;
                let mut found = Vec::with_capacity(products.len());
                for product in products.iter() {
                    found.push(items::find(conn, *product).await?);
                }
                Ok((now, found))
            })
        });
        let (now, found): (_, Vec<Option<Item>>) = read.await?;
        for item in found.iter().flatten() {
            self.believe(item.id, item.facts, now);
        }
        let unbooked = asked
            .iter()
            .zip(&found)
            .find_map(|((product, pieces, limit), item)| match item {
                Some(item) => why_not(item, *pieces, *limit, now),
                None => Some(Unbooked::No(Refusal::ProductUnknown(*product))),
            });
        Ok(unbooked.unwrap_or(Unbooked::Passed))
    }

    /// Whether the buyer would hold too many of one of the products.
    async fn over(
        &self,
        order: &Order,
        lines: &[(Line, Option<i64>)],
    ) -> Result<Unbooked, TxError<Unbooked>> {
        let (order, lines): (_, Arc<[_]>) = (Arc::new(order.clone()), lines.into());
        let read = self.db.read("allowances", move |conn| {
            let (order, lines) = (Arc::clone(&order), Arc::clone(&lines));
            Box::pin(async move {
                for (line, limit) in lines.iter() {
                    let Some(limit) = limit else { continue };
                    let hold = Hold {
                        id: order.id,
                        buyer: order.buyer,
                        quantity: line.quantity,
                    };
                    let words = allow(conn, line.product_id, &[hold], *limit).await?;
                    if let Some(refusal) = words.into_iter().flatten().next() {
                        // It may be this very request that filled the limit.
                        return Ok(
                            if reservations::spent(conn, &[order.id]).await?.is_empty() {
                                Unbooked::No(refusal)
                            } else {
                                Unbooked::Spent
                            },
                        );
                    }
                }
                Ok(Unbooked::Passed)
            })
        });
        read.await
    }

    /// The reservation of an id, if it has one.
    pub(crate) async fn existing(&self, id: Uuid) -> Result<Option<Existing>, Failure> {
        let read = self.db.read("reservation", move |conn| {
            Box::pin(async move { Ok(reservations::find(conn, id).await?) })
        });
        read.await.map_err(|error: TxError<Refusal>| error.into())
    }

    /// Those of the ids that have a row.
    pub(crate) async fn spent(&self, ids: Vec<Uuid>) -> Result<HashSet<Uuid>, Failure> {
        let ids: Arc<[Uuid]> = ids.into();
        let read = self.db.read("reservations_spent", move |conn| {
            let ids = Arc::clone(&ids);
            Box::pin(
                async move { Ok(reservations::spent(conn, &ids).await?.into_iter().collect()) },
            )
        });
        read.await.map_err(|error: TxError<Refusal>| error.into())
    }
}

/// A guard said no.
fn is_null(error: &TxError<Unbooked>) -> bool {
    matches!(error, TxError::Db(error) if is_null_refused(error))
}

fn spent(error: TxError<Unbooked>) -> TxError<Unbooked> {
    match error {
        TxError::Db(error) if is_duplicate(&error, reservations::KEY) => {
            TxError::refuse(Unbooked::Spent)
        }
        error => error,
    }
}

/// Counts what the buyers ask for, each for himself, on top of what they hold; one word per request.
async fn allow(
    conn: &mut MySqlConnection,
    product: ProductId,
    holds: &[Hold],
    limit: i64,
) -> Result<Vec<Option<Refusal>>, sqlx::Error> {
    let asked: Vec<(UserId, i64)> = holds
        .iter()
        .map(|hold| (hold.buyer, hold.quantity))
        .collect();
    let mut before: HashMap<UserId, i64> = asked.iter().map(|(buyer, _)| (*buyer, 0)).collect();
    let buyers: Vec<UserId> = sums(&asked).into_iter().map(|(buyer, _)| buyer).collect();
    before.extend(allowances::held(conn, product, &buyers).await?);
    let (words, _) = admit(&asked, &before, limit);
    let refusal = |remaining| Refusal::OverLimit {
        product,
        limit,
        remaining,
    };
    Ok(words.into_iter().map(|left| left.map(refusal)).collect())
}

fn why_not(item: &Item, pieces: i64, limit: Option<i64>, now: DateTime<Utc>) -> Option<Unbooked> {
    let product = item.id;
    if item.facts.limit != limit {
        return Some(Unbooked::Changed);
    }
    if let Some(opens) = item.facts.closed(now) {
        return Some(Unbooked::No(Refusal::NotYetOpen { product, opens }));
    }
    (item.available < pieces).then_some(Unbooked::Short(product, item.available))
}
