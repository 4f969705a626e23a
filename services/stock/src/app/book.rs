//! Booking takes in MySQL: the step that counts.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mall_db::{TxError, is_duplicate};
use mall_types::{ProductId, UserId};
use sqlx::MySqlConnection;
use uuid::Uuid;

use crate::domain::{Existing, Facts, Line, Order, Refusal, admit, sums};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::allowances;
use crate::store::bookings::{self, Hold};
use crate::store::items::{self, Item};
use crate::store::movements::{self, Movement};
use crate::store::reservations;

/// Facts that turn out to be others are counted against anew, so often.
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
    /// The product's limit is another one than was counted against.
    Changed(ProductId, Facts),
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
            match self.try_batch(product, Arc::clone(&holds), limit).await {
                Err(TxError::Refuse(Unbooked::Changed(product, facts))) if look < LOOKS => {
                    self.believe(product, facts);
                    look += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_batch(
        &self,
        product: ProductId,
        holds: Arc<[Hold]>,
        limit: Option<i64>,
    ) -> Result<Vec<Option<Refusal>>, TxError<Unbooked>> {
        let now = self.clock.now();
        self.db
            .run_tx("reserve_batch", move |tx| {
                let holds = Arc::clone(&holds);
                Box::pin(async move {
                    let refusals = allow(tx, product, &holds, limit).await?;
                    let mut fit: Vec<Hold> = holds
                        .iter()
                        .zip(&refusals)
                        .filter(|(_, refusal)| refusal.is_none())
                        .map(|(hold, _)| *hold)
                        .collect();
                    if fit.is_empty() {
                        // Nothing is booked, so no guard says whether the limit is still this one.
                        return match check(tx, product, limit, now).await? {
                            Some(unbooked) => Err(TxError::refuse(unbooked)),
                            None => Ok(refusals),
                        };
                    }
                    // Two instances that got the same requests lock their rows in the same order.
                    fit.sort_unstable_by_key(|hold| hold.id);
                    if !bookings::book(tx, product, &fit, limit, now)
                        .await
                        .map_err(spent)?
                    {
                        let pieces = fit.iter().map(|hold| hold.quantity).sum();
                        return Err(unheld(tx, product, pieces, limit, now).await?);
                    }
                    Ok(refusals)
                })
            })
            .await
    }

    /// Books one reservation of any number of products.
    pub(crate) async fn book_one(&self, order: &Order) -> Result<(), TxError<Unbooked>> {
        let order = Arc::new(order.clone());
        let mut look = 1;
        loop {
            let limits = order.products().map(|id| self.believed(id).limit).collect();
            match self.try_one(Arc::clone(&order), limits).await {
                Err(TxError::Refuse(Unbooked::Changed(product, facts)))
                    if look < LOOKS + order.lines.len() =>
                {
                    self.believe(product, facts);
                    look += 1;
                }
                other => return other,
            }
        }
    }

    async fn try_one(
        &self,
        order: Arc<Order>,
        limits: Vec<Option<i64>>,
    ) -> Result<(), TxError<Unbooked>> {
        let (now, limits) = (self.clock.now(), Arc::new(limits));
        self.db
            .run_tx("reserve_one", move |tx| {
                let (order, limits) = (Arc::clone(&order), Arc::clone(&limits));
                Box::pin(async move {
                    let hold = |line: &Line| Hold {
                        id: order.id,
                        buyer: order.buyer,
                        quantity: line.quantity,
                    };
                    let lines = || order.lines.iter().zip(limits.iter().copied());
                    for (line, limit) in lines() {
                        let refusals = allow(tx, line.product_id, &[hold(line)], limit).await?;
                        let Some(Some(refusal)) = refusals.first() else {
                            continue;
                        };
                        // It may be this very request that filled the limit.
                        if !reservations::spent(tx, &[order.id]).await?.is_empty() {
                            return Err(TxError::refuse(Unbooked::Spent));
                        }
                        let other = check(tx, line.product_id, limit, now).await?;
                        return Err(TxError::refuse(other.unwrap_or(Unbooked::No(*refusal))));
                    }
                    if let Some(line) = order.single() {
                        let limit = limits.first().copied().flatten();
                        let (product, pieces) = (line.product_id, line.quantity);
                        return match bookings::book(tx, product, &[hold(&line)], limit, now).await {
                            Ok(true) => Ok(()),
                            Ok(false) => Err(unheld(tx, product, pieces, limit, now).await?),
                            Err(error) => Err(spent(error)),
                        };
                    }
                    let counted: Vec<(Line, bool)> = lines()
                        .map(|(line, limit)| (*line, limit.is_some()))
                        .collect();
                    reservations::insert_lines(tx, order.id, order.buyer, &counted, now)
                        .await
                        .map_err(spent)?;
                    let reference = order.id.to_string();
                    for (line, limit) in lines() {
                        let (product, pieces) = (line.product_id, line.quantity);
                        if !items::hold(tx, product, pieces, limit, now).await? {
                            return Err(unheld(tx, product, pieces, limit, now).await?);
                        }
                        let movement = Movement::Hold(pieces);
                        movements::append(tx, product, movement, 1, &reference, now).await?;
                    }
                    Ok(())
                })
            })
            .await
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

fn spent(error: sqlx::Error) -> TxError<Unbooked> {
    if is_duplicate(&error, reservations::KEY) {
        TxError::refuse(Unbooked::Spent)
    } else {
        error.into()
    }
}

/// Counts what the buyers ask for against `limit`, each for himself; one word per request. Without a limit it asks nothing.
async fn allow(
    conn: &mut MySqlConnection,
    product: ProductId,
    holds: &[Hold],
    limit: Option<i64>,
) -> Result<Vec<Option<Refusal>>, sqlx::Error> {
    let Some(limit) = limit else {
        return Ok(vec![None; holds.len()]);
    };
    let asked: Vec<(UserId, i64)> = holds
        .iter()
        .map(|hold| (hold.buyer, hold.quantity))
        .collect();
    let sums = sums(&asked);
    let over = allowances::add(conn, product, &sums, limit).await?;
    if over.is_empty() {
        return Ok(vec![None; holds.len()]);
    }
    let sums: HashMap<UserId, i64> = sums.into_iter().collect();
    let before = over
        .into_iter()
        .map(|(buyer, taken)| (buyer, taken - sums.get(&buyer).copied().unwrap_or(0)))
        .collect();
    let (words, after) = admit(&asked, &before, limit);
    let mut after: Vec<(UserId, i64)> = after.into_iter().collect();
    after.sort_unstable();
    allowances::set(conn, product, &after).await?;
    let refusal = |remaining| Refusal::OverLimit {
        product,
        limit,
        remaining,
    };
    Ok(words.into_iter().map(|left| left.map(refusal)).collect())
}

/// Why nothing of the product can be booked against this limit, besides how many there are.
async fn check(
    conn: &mut MySqlConnection,
    product: ProductId,
    limit: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Option<Unbooked>, sqlx::Error> {
    let Some(item) = items::find(conn, product).await? else {
        return Ok(Some(Unbooked::No(Refusal::ProductUnknown(product))));
    };
    Ok(why_not(&item, limit, now))
}

fn why_not(item: &Item, limit: Option<i64>, now: DateTime<Utc>) -> Option<Unbooked> {
    if item.facts.limit != limit {
        return Some(Unbooked::Changed(item.id, item.facts));
    }
    let opens = item.facts.closed(now)?;
    let product = item.id;
    Some(Unbooked::No(Refusal::NotYetOpen { product, opens }))
}

/// Words for a guard that said no.
async fn unheld(
    conn: &mut MySqlConnection,
    product: ProductId,
    asked: i64,
    limit: Option<i64>,
    now: DateTime<Utc>,
) -> Result<TxError<Unbooked>, sqlx::Error> {
    Ok(TxError::refuse(match items::find(conn, product).await? {
        Some(item) => why_not(&item, limit, now)
            // Somebody may have given back since the guard looked; the answer is still no.
            .unwrap_or(Unbooked::Short(product, item.available.min(asked - 1))),
        None => Unbooked::No(Refusal::ProductUnknown(product)),
    }))
}
