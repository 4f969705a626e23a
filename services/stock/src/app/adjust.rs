//! Changes of supply: rare, made by admins, and not in a hurry. The count is taken off Redis first, under the lock, then
//! MySQL is changed, then the count is loaded: whoever dies in between leaves a count that has to be loaded, not a wrong one.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use mall_db::{TxError, is_duplicate};
use mall_types::ProductId;

use crate::domain::{Facts, MAX_PIECES, Refusal};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::adjustments::{self, Asked};
use crate::store::items;
use crate::store::movements::{self, Movement};

/// A lock that was lost, or an id that was booked meanwhile: looked at again, so often.
const LOOKS: usize = 3;

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Of this product.
    pub product: ProductId,
    /// Booked once under this id.
    pub adjustment: String,
    /// What is asked for.
    pub asked: Asked,
    /// The product's name and facts: make it known.
    pub known_as: Option<(String, Facts)>,
}

/// Why the transaction said no.
enum Unbooked {
    /// The id is booked.
    Spent,
    No(Refusal),
}

impl Stock {
    /// Makes a product known, or renames it and changes its facts; returns what is available.
    pub async fn rename(
        self: &Arc<Self>,
        product: ProductId,
        name: String,
        facts: Facts,
    ) -> Result<i64, Failure> {
        let (now, name): (_, Arc<str>) = (self.clock.now(), name.into());
        let put = self.db.run_tx("stock_rename", move |tx| {
            let name = Arc::clone(&name);
            Box::pin(async move {
                items::put(tx, product, &name, facts, now).await?;
                let item = items::find(tx, product).await?;
                Ok((item.map_or(0, |item| item.available), items::now(tx).await?))
            })
        });
        let (available, said) = put
            .await
            .map_err(|error: TxError<Refusal>| Failure::from(error))?;
        self.believe(product, facts, said);
        // The name in Redis is for people: nothing is lost when it follows later.
        if self.rebuild(product).await.is_err() {
            self.heal_later(product);
        }
        Ok(available)
    }

    /// Changes supply once per id; returns what is available.
    pub async fn adjust(self: &Arc<Self>, change: Change) -> Result<i64, Failure> {
        let change = Arc::new(change);
        let product = change.product;
        for _ in 0..LOOKS {
            if let Some(available) = self.adjusted_before(&change).await? {
                return Ok(available);
            }
            let guard = self.hot.hold(product).await?;
            match self.hot.unload(product, &guard).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    // The count may be gone.
                    self.heal_later(product);
                    return Err(error.into());
                }
            }
            let outcome = self.book_adjustment(&change).await;
            let loaded = self.rebuild_under(product, &guard).await;
            let _ = guard.release().await;
            if !matches!(loaded, Ok(Some(_)) | Err(Failure::Refused(_))) {
                self.heal_later(product);
            }
            match outcome {
                Ok((available, said)) => {
                    if let Some((_, facts)) = &change.known_as {
                        self.believe(product, *facts, said);
                    }
                    return Ok(available);
                }
                Err(TxError::Refuse(Unbooked::Spent)) => {}
                Err(TxError::Refuse(Unbooked::No(refusal))) => return Err(refusal.into()),
                Err(failed) => return Err(failed.map(|_| Refusal::AdjustmentMismatch).into()),
            }
        }
        Err(Failure::LockTimeout)
    }

    /// What is available, if this id was booked for this very change.
    async fn adjusted_before(&self, change: &Arc<Change>) -> Result<Option<i64>, Failure> {
        let change = Arc::clone(change);
        let read = self.db.read("adjustment", move |conn| {
            let change = Arc::clone(&change);
            Box::pin(async move {
                match adjustments::booked(conn, &change.adjustment, change.product, change.asked)
                    .await?
                {
                    None => Ok(None),
                    Some(false) => Err(TxError::refuse(Refusal::AdjustmentMismatch)),
                    Some(true) => Ok(items::find(conn, change.product)
                        .await?
                        .map(|item| item.available)),
                }
            })
        });
        read.await.map_err(Failure::from)
    }

    /// What is available after it, and MySQL's clock.
    async fn book_adjustment(
        &self,
        change: &Arc<Change>,
    ) -> Result<(i64, DateTime<Utc>), TxError<Unbooked>> {
        let (change, now) = (Arc::clone(change), self.clock.now());
        self.db
            .run_tx("adjust", move |tx| {
                let change = Arc::clone(&change);
                Box::pin(async move {
                    let product = change.product;
                    if let Some((name, facts)) = &change.known_as {
                        items::put(tx, product, name, *facts, now).await?;
                    }
                    let Some(item) = items::lock(tx, product).await? else {
                        return no(Refusal::ProductUnknown(product));
                    };
                    let delta = change.asked.delta(item.available);
                    let after = delta.and_then(|delta| item.available.checked_add(delta));
                    let (delta, after) = match delta.zip(after) {
                        Some((_, after)) if after < 0 => {
                            return no(Refusal::BelowZero {
                                product,
                                available: item.available,
                            });
                        }
                        Some(both) if both.1 <= MAX_PIECES => both,
                        _ => return no(Refusal::TooMany(product)),
                    };
                    let booked = adjustments::insert(
                        tx,
                        &change.adjustment,
                        product,
                        change.asked,
                        delta,
                        now,
                    )
                    .await;
                    match booked {
                        Err(error) if is_duplicate(&error, adjustments::KEY) => {
                            return Err(TxError::refuse(Unbooked::Spent));
                        }
                        other => other?,
                    }
                    if delta != 0 {
                        if !items::supply(tx, product, delta, now).await? {
                            return no(Refusal::BelowZero {
                                product,
                                available: item.available,
                            });
                        }
                        let movement = Movement::Supply(delta);
                        movements::append(tx, product, movement, 0, &change.adjustment, now)
                            .await?;
                    }
                    Ok((after, items::now(tx).await?))
                })
            })
            .await
    }
}

fn no<T>(refusal: Refusal) -> Result<T, TxError<Unbooked>> {
    Err(TxError::refuse(Unbooked::No(refusal)))
}
