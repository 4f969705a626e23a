//! Booking takes in MySQL: the step that counts.

use std::collections::HashSet;
use std::sync::Arc;

use mall_db::{TxError, is_duplicate};
use mall_types::ProductId;
use uuid::Uuid;

use crate::domain::{Existing, Order, Refusal};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::items;
use crate::store::movements::{self, Movement};
use crate::store::reservations::{self, Hold};

/// Why a booking was refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbooked {
    /// The id - in a batch, one of them - has a row already.
    Spent,
    /// MySQL has fewer pieces than asked: so many are left.
    Short(ProductId, i64),
    /// MySQL does not know the product.
    Unknown(ProductId),
}

impl Stock {
    /// Books reservations of one product in one transaction: all or none.
    pub(crate) async fn book_batch(
        &self,
        product: ProductId,
        holds: Vec<Hold>,
    ) -> Result<(), TxError<Unbooked>> {
        let (now, pieces) = (
            self.clock.now(),
            holds.iter().map(|hold| hold.quantity).sum(),
        );
        let mut holds = holds;
        // Two instances that got the same requests lock their rows in the same order.
        holds.sort_by_key(|hold| hold.id);
        let holds: Arc<[Hold]> = holds.into();
        self.db
            .run_tx("reserve_batch", move |tx| {
                let holds = Arc::clone(&holds);
                Box::pin(async move {
                    reservations::insert_batch(tx, product, &holds, now)
                        .await
                        .map_err(spent)?;
                    if !items::hold(tx, product, pieces, now).await? {
                        return Err(short(tx, product, pieces).await?);
                    }
                    let reference = holds
                        .first()
                        .map(|hold| hold.id.to_string())
                        .unwrap_or_default();
                    movements::append(
                        tx,
                        product,
                        Movement::Hold(pieces),
                        holds.len(),
                        &reference,
                        now,
                    )
                    .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Books one reservation of any number of products.
    pub(crate) async fn book_one(&self, order: &Order) -> Result<(), TxError<Unbooked>> {
        let (now, order) = (self.clock.now(), Arc::new(order.clone()));
        self.db
            .run_tx("reserve_one", move |tx| {
                let order = Arc::clone(&order);
                Box::pin(async move {
                    match order.single() {
                        Some(line) => {
                            let hold = Hold {
                                id: order.id,
                                buyer: order.buyer,
                                quantity: line.quantity,
                            };
                            reservations::insert_batch(tx, line.product_id, &[hold], now)
                                .await
                                .map_err(spent)?;
                        }
                        None => {
                            reservations::insert_lines(tx, order.id, order.buyer, &order.lines, now)
                                .await
                                .map_err(spent)?
                        }
                    }
                    let reference = order.id.to_string();
                    for line in &order.lines {
                        if !items::hold(tx, line.product_id, line.quantity, now).await? {
                            return Err(short(tx, line.product_id, line.quantity).await?);
                        }
                        let movement = Movement::Hold(line.quantity);
                        movements::append(tx, line.product_id, movement, 1, &reference, now)
                            .await?;
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

/// Words for a guard that said no.
async fn short(
    conn: &mut sqlx::MySqlConnection,
    product: ProductId,
    asked: i64,
) -> Result<TxError<Unbooked>, sqlx::Error> {
    Ok(TxError::refuse(match items::find(conn, product).await? {
        // Somebody may have given back since the guard looked; the answer is still no.
        Some(item) => Unbooked::Short(product, item.available.min(asked - 1)),
        None => Unbooked::Unknown(product),
    }))
}
