//! Orders that are ready to be written at the same moment share one transaction.
//!
//! Each is accepted or refused on its own, and none is answered before the commit. What is found out inside the transaction without
//! ending it - a fence - takes only its own order out. An order whose rows the database refuses ends the transaction; then the
//! halves are tried for themselves, so that the others are not taken down and the one is told why.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use mall_clock::SharedClock;
use mall_db::{Db, TxError, is_duplicate};
use mall_problem::Problem;
use mall_types::{CartId, OrderId};
use sqlx::MySqlConnection;
use tokio::sync::oneshot;

use super::room::Room;
use crate::deliver::{CART_REMOVE, CartMessage};
use crate::domain::status::{PLACED, Status};
use crate::error;
use crate::store::orders::{self, NewOrder, RESERVATION};
use crate::store::{history, lines};

/// An order that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    pub order: OrderId,
    /// The outbox row that empties the cart.
    pub cart_remove: Option<i64>,
}

/// Why an order is not there, or perhaps not.
#[derive(Debug, Clone)]
pub enum Unwritten {
    /// One of its cart lines is in another order.
    CartLineOrdered,
    /// Its reservation is fenced: given back, or about to be.
    Fenced,
    /// Its reservation has an order already.
    Known,
    /// The database failed; there is no order.
    Failed(Problem),
    /// Nobody knows.
    Unknown(Problem),
}

type Outcome = Result<Placed, Unwritten>;

/// Why a transaction came to nothing.
#[derive(Debug, Clone)]
enum Refusal {
    CartLineOrdered,
    Known,
    /// These reservations are fenced.
    Fenced(HashSet<String>),
}

struct Waiting {
    order: NewOrder,
    answer: oneshot::Sender<Outcome>,
}

/// Writes orders.
#[derive(Clone)]
pub struct Combiner {
    db: Db,
    clock: SharedClock,
    room: Arc<Room<Waiting>>,
}

impl Combiner {
    /// Up to `most` orders share a transaction, and up to `writers` transactions are under way.
    pub fn new(db: Db, clock: SharedClock, most: usize, writers: usize) -> Self {
        Self {
            db,
            clock,
            room: Room::new(most, writers),
        }
    }

    /// Writes an order, with whoever else waits.
    pub async fn write(&self, order: NewOrder) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let this = self.clone();
        self.room.enter(Waiting { order, answer }, move |waiting| {
            let this = this.clone();
            async move { this.write_all(waiting).await }
        });
        // Only if the writer panicked.
        outcome
            .await
            .unwrap_or_else(|gone| Err(Unwritten::Unknown(Problem::internal(gone))))
    }

    async fn write_all(&self, waiting: Vec<Waiting>) {
        let (orders, answers): (Vec<NewOrder>, Vec<_>) = waiting
            .into_iter()
            .map(|waiting| (waiting.order, waiting.answer))
            .unzip();
        let outcomes = self.attempt(orders).await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Placing goes on when its shopper closes the page; only a process that ends asks no more.
            let _ = answer.send(outcome);
        }
    }

    /// One outcome per order, in their order.
    fn attempt(&self, orders: Vec<NewOrder>) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            let orders: Arc<[NewOrder]> = orders.into();
            let refused = match self.transaction(Arc::clone(&orders)).await {
                Ok(placed) => return placed.into_iter().map(Ok).collect(),
                Err(TxError::Refuse(Refusal::Fenced(fenced))) => {
                    return self.without(&orders, &fenced).await;
                }
                Err(TxError::Refuse(Refusal::CartLineOrdered)) => Unwritten::CartLineOrdered,
                Err(TxError::Refuse(Refusal::Known)) => Unwritten::Known,
                Err(TxError::Db(error)) => {
                    let poisoned = poisoned(&error);
                    let failed =
                        Unwritten::Failed(TxError::Db(error).map(|()| error::too_late()).into());
                    if !poisoned {
                        return vec![Err(failed); orders.len()];
                    }
                    failed
                }
                Err(TxError::Unknown(error)) => {
                    let problem = TxError::Unknown(error).map(|()| error::too_late()).into();
                    return vec![Err(Unwritten::Unknown(problem)); orders.len()];
                }
            };
            if orders.len() == 1 {
                return vec![Err(refused)];
            }
            let (first, second) = orders.split_at(orders.len() / 2);
            let mut outcomes = self.attempt(first.to_vec()).await;
            outcomes.extend(self.attempt(second.to_vec()).await);
            outcomes
        })
    }

    /// The fenced ones are refused, the others are tried again.
    async fn without(&self, orders: &[NewOrder], fenced: &HashSet<String>) -> Vec<Outcome> {
        let free = |order: &&NewOrder| !fenced.contains(&order.reservation);
        let others: Vec<NewOrder> = orders.iter().filter(free).cloned().collect();
        let mut others = if others.is_empty() {
            Vec::new().into_iter()
        } else {
            self.attempt(others).await.into_iter()
        };
        orders
            .iter()
            .map(|order| match free(&order) {
                true => others.next().unwrap_or(Err(Unwritten::Fenced)),
                false => Err(Unwritten::Fenced),
            })
            .collect()
    }

    async fn transaction(&self, orders: Arc<[NewOrder]>) -> Result<Vec<Placed>, TxError<Refusal>> {
        let now = self.clock.now();
        self.db
            .run_tx("place_orders", move |tx| {
                let orders = Arc::clone(&orders);
                Box::pin(async move { write(tx, now, &orders).await })
            })
            .await
    }
}

async fn write(
    tx: &mut MySqlConnection,
    now: DateTime<Utc>,
    new: &[NewOrder],
) -> Result<Vec<Placed>, TxError<Refusal>> {
    orders::insert(tx, now, new)
        .await
        .map_err(|error| refusal(error, RESERVATION, Refusal::Known))?;
    let written = orders::written(tx, new).await?;
    let fenced: HashSet<String> = written
        .iter()
        .filter(|(_, (_, fenced))| *fenced)
        .map(|(reservation, _)| reservation.clone())
        .collect();
    if !fenced.is_empty() {
        return Err(TxError::refuse(Refusal::Fenced(fenced)));
    }
    let mut ids = Vec::with_capacity(new.len());
    for order in new {
        let id = written.get(&order.reservation).map(|(id, _)| *id);
        ids.push(id.ok_or(sqlx::Error::RowNotFound)?);
    }
    let mut rows = Vec::with_capacity(new.len());
    for (order, id) in new.iter().zip(&ids) {
        for (line, number) in order.lines.iter().zip(1..) {
            rows.push((*id, number, line));
        }
    }
    lines::insert(tx, &rows)
        .await
        .map_err(|error| refusal(error, "uq_order_line_cart", Refusal::CartLineOrdered))?;
    history::insert(tx, now, &ids, Status::WaitingPaying, PLACED).await?;
    let mut placed = Vec::with_capacity(new.len());
    for (order, id) in new.iter().zip(ids) {
        placed.push(Placed {
            order: id,
            cart_remove: empty_cart(tx, now, order, id).await?,
        });
    }
    Ok(placed)
}

fn refusal(error: sqlx::Error, key: &str, refusal: Refusal) -> TxError<Refusal> {
    if is_duplicate(&error, key) {
        TxError::refuse(refusal)
    } else {
        error.into()
    }
}

/// Has the cart lines of an order taken out of the cart.
async fn empty_cart(
    tx: &mut MySqlConnection,
    now: DateTime<Utc>,
    order: &NewOrder,
    id: OrderId,
) -> Result<Option<i64>, sqlx::Error> {
    let cart_ids: Vec<CartId> = order.lines.iter().filter_map(|line| line.cart).collect();
    if cart_ids.is_empty() {
        return Ok(None);
    }
    let message = CartMessage {
        user_id: order.user,
        cart_ids,
    };
    let row = mall_outbox::enqueue(tx, now, CART_REMOVE, &format!("cart:{id}"), &message).await?;
    Ok(Some(row))
}

/// Whether the database refused what it was given, as opposed to: it failed. SQLSTATE 22 is a value that does not fit, 23 a
/// constraint.
fn poisoned(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    error
        .code()
        .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}
