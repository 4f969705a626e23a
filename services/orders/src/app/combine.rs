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
use mall_combine::Room;
use mall_db::{Db, Ending, TxError, is_duplicate, is_null_refused};
use mall_idempotency::Keyed;
use mall_problem::Problem;
use mall_types::{CartId, OrderId};
use sqlx::MySqlConnection;
use tokio::sync::oneshot;

use super::place::PlacedOrder;
use crate::deliver::{CART_REMOVE, CartMessage};
use crate::error;
use crate::store::orders::NewOrder;
use crate::store::placing::{self, CART_LINE, RESERVATION};

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
    /// The Idempotency-Key of one of them is another attempt's by now, and so is the order.
    KeyLost,
    /// These reservations are fenced.
    Fenced(HashSet<String>),
}

/// An order, and on account of which key it is placed: its answer is stored with it.
#[derive(Clone)]
struct Wish {
    order: NewOrder,
    keyed: Keyed,
}

struct Waiting {
    wish: Wish,
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

    /// Writes an order, with whoever else waits, and the answer to the key that it is placed on account of.
    pub async fn write(&self, order: NewOrder, keyed: Keyed) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let (this, wish) = (self.clone(), Wish { order, keyed });
        self.room.enter(Waiting { wish, answer }, move |waiting| {
            let this = this.clone();
            async move { this.write_all(waiting).await }
        });
        // Only if the writer panicked.
        outcome
            .await
            .unwrap_or_else(|gone| Err(Unwritten::Unknown(Problem::internal(gone))))
    }

    async fn write_all(&self, waiting: Vec<Waiting>) {
        let (wishes, answers): (Vec<Wish>, Vec<_>) = waiting
            .into_iter()
            .map(|waiting| (waiting.wish, waiting.answer))
            .unzip();
        let outcomes = self.attempt(wishes).await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Placing goes on when its shopper closes the page; only a process that ends asks no more.
            let _ = answer.send(outcome);
        }
    }

    /// One outcome per order, in their order.
    fn attempt(&self, wishes: Vec<Wish>) -> BoxFuture<'_, Vec<Outcome>> {
        Box::pin(async move {
            let wishes: Arc<[Wish]> = wishes.into();
            let error = match self.transaction(Arc::clone(&wishes)).await {
                Ok(placed) => return placed.into_iter().map(Ok).collect(),
                Err(error) => error,
            };
            if !matches!(error, TxError::Unknown(_)) {
                for wish in wishes.iter() {
                    wish.keyed.not_completed();
                }
            }
            let refused = match error {
                TxError::Refuse(Refusal::Fenced(fenced)) => {
                    return self.without(&wishes, &fenced).await;
                }
                TxError::Refuse(Refusal::CartLineOrdered) => Unwritten::CartLineOrdered,
                TxError::Refuse(Refusal::Known) => Unwritten::Known,
                // The other attempt has the same reservation: it is not ours to give back.
                TxError::Refuse(Refusal::KeyLost) => Unwritten::Unknown(error::too_late()),
                TxError::Db(error) => {
                    let poisoned = poisoned(&error);
                    let failed =
                        Unwritten::Failed(TxError::Db(error).map(|()| error::too_late()).into());
                    if !poisoned {
                        return vec![Err(failed); wishes.len()];
                    }
                    failed
                }
                TxError::Unknown(error) => {
                    let problem = TxError::Unknown(error).map(|()| error::too_late()).into();
                    return vec![Err(Unwritten::Unknown(problem)); wishes.len()];
                }
            };
            if wishes.len() == 1 {
                return vec![Err(refused)];
            }
            let (first, second) = wishes.split_at(wishes.len() / 2);
            let mut outcomes = self.attempt(first.to_vec()).await;
            outcomes.extend(self.attempt(second.to_vec()).await);
            outcomes
        })
    }

    /// The fenced ones are refused, the others are tried again.
    async fn without(&self, wishes: &[Wish], fenced: &HashSet<String>) -> Vec<Outcome> {
        let free = |wish: &&Wish| !fenced.contains(&wish.order.reservation);
        let others: Vec<Wish> = wishes.iter().filter(free).cloned().collect();
        let mut others = if others.is_empty() {
            Vec::new().into_iter()
        } else {
            self.attempt(others).await.into_iter()
        };
        wishes
            .iter()
            .map(|wish| match free(&wish) {
                true => others.next().unwrap_or(Err(Unwritten::Fenced)),
                false => Err(Unwritten::Fenced),
            })
            .collect()
    }

    async fn transaction(&self, wishes: Arc<[Wish]>) -> Result<Vec<Placed>, TxError<Refusal>> {
        let now = self.clock.now();
        let written = self.db.run_ending("place_orders", move |tx| {
            let wishes = Arc::clone(&wishes);
            Box::pin(async move { write(tx, now, &wishes).await })
        });
        written.await.map_err(refusal)
    }
}

/// Everything but the last statements, which go to the server together with the commit.
async fn write(
    tx: &mut MySqlConnection,
    now: DateTime<Utc>,
    wishes: &[Wish],
) -> Result<Ending<Vec<Placed>>, TxError<Refusal>> {
    let new: Vec<&NewOrder> = wishes.iter().map(|wish| &wish.order).collect();
    let written = placing::insert(tx, now, &new).await?;
    let fenced: HashSet<String> = written
        .iter()
        .filter(|(_, (_, fenced))| *fenced)
        .map(|(reservation, _)| reservation.clone())
        .collect();
    if !fenced.is_empty() {
        return Err(TxError::refuse(Refusal::Fenced(fenced)));
    }
    let mut orders = Vec::with_capacity(new.len());
    for order in new {
        let id = written.get(&order.reservation).map(|(id, _)| *id);
        orders.push((id.ok_or(sqlx::Error::RowNotFound)?, order));
    }
    let (mut placed, mut keys) = (Vec::with_capacity(orders.len()), Vec::new());
    for ((order_id, order), wish) in orders.iter().zip(wishes) {
        keys.extend(wish.keyed.completion(&PlacedOrder {
            order_id: *order_id,
        })?);
        placed.push(Placed {
            order: *order_id,
            cart_remove: empty_cart(tx, now, order, *order_id).await?,
        });
    }
    Ok(Ending {
        value: placed,
        statements: placing::rest(tx, now, &orders, &keys).await?,
    })
}

/// What the database says no to because of one of the orders, in our words.
fn refusal(error: TxError<Refusal>) -> TxError<Refusal> {
    match error {
        TxError::Db(error) if is_duplicate(&error, RESERVATION) => TxError::refuse(Refusal::Known),
        TxError::Db(error) if is_duplicate(&error, CART_LINE) => {
            TxError::refuse(Refusal::CartLineOrdered)
        }
        TxError::Db(error) if is_null_refused(&error) => TxError::refuse(Refusal::KeyLost),
        error => error,
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
