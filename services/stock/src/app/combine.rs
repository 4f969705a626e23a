//! One combiner per hot product and process: requests that wait at the same moment share one script and one transaction.
//!
//! Each product with waiting requests has a task. It collects what waits, takes for all of it in one step, books what was
//! taken in one transaction, answers each, and goes round again with what came meanwhile. So the cost of a request falls as
//! the crowd grows. A task that has had nothing to do for a while ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use mall_db::TxError;
use mall_stock_api::ReservationState as State;
use mall_types::ProductId;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::tidy::{Taken, Tidy};
use crate::domain::{Line, Order, Refusal};
use crate::failure::Failure;
use crate::hot::Take;
use crate::state::{SharedStock, Stock};
use crate::store::reservations::Hold;

/// So many requests may wait for one product; more are told to come again.
const WAITING_ROOM: usize = 8192;

/// How long a combiner waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

type Outcome = Result<State, Failure>;

/// One request in the waiting room.
struct Waiting {
    order: Order,
    line: Line,
    since: Instant,
    answer: oneshot::Sender<Outcome>,
}

impl Waiting {
    fn answer(self, outcome: Outcome) {
        // Whoever asked may be gone; the reservation stands and is released by its owner's rules.
        let _ = self.answer.send(outcome);
    }
}

/// The waiting rooms, by product.
#[derive(Default)]
pub struct Queues(Mutex<HashMap<ProductId, mpsc::Sender<Waiting>>>);

impl Queues {
    fn rooms(&self) -> MutexGuard<'_, HashMap<ProductId, mpsc::Sender<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stock {
    /// Waits for the outcome of a request for one product.
    pub(crate) async fn reserve_combined(self: &Arc<Self>, order: Order, line: Line) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        self.enter(Waiting {
            order,
            line,
            since: Instant::now(),
            answer,
        })?;
        outcome
            .await
            .unwrap_or_else(|_| Err(Failure::Redis("combiner ended".to_owned())))
    }

    fn enter(self: &Arc<Self>, mut waiting: Waiting) -> Result<(), Failure> {
        let product = waiting.line.product_id;
        let mut rooms = self.queues.rooms();
        // A second try, should the first find the room of a combiner that died.
        for _ in 0..2 {
            let room = rooms
                .entry(product)
                .or_insert_with(|| self.open_room(product));
            match room.try_send(waiting) {
                Ok(()) => return Ok(()),
                Err(mpsc::error::TrySendError::Full(_)) => break,
                Err(mpsc::error::TrySendError::Closed(back)) => {
                    waiting = back;
                    rooms.remove(&product);
                }
            }
        }
        Err(Failure::Crowded)
    }

    fn open_room(self: &Arc<Self>, product: ProductId) -> mpsc::Sender<Waiting> {
        let (sender, receiver) = mpsc::channel(WAITING_ROOM);
        tokio::spawn(combine(Arc::downgrade(self), product, receiver));
        sender
    }

    /// One batch: take, book, answer. Returns who has to wait on.
    async fn round(self: &Arc<Self>, product: ProductId, batch: Vec<Waiting>) -> Vec<Waiting> {
        if let Err(failure) = self.ask_mysql_in_doubt().await {
            batch
                .into_iter()
                .for_each(|waiting| waiting.answer(Err(failure.clone())));
            return Vec::new();
        }
        let nonce = Uuid::new_v4();
        let asked: Vec<(Uuid, i64)> = batch
            .iter()
            .map(|waiting| (waiting.order.id, waiting.line.quantity))
            .collect();
        let oldest = batch
            .iter()
            .map(|waiting| waiting.since)
            .min()
            .unwrap_or_else(Instant::now);
        let patience = self.hot.wait().saturating_sub(oldest.elapsed());
        let (forgetful, outcomes) = match self.take(product, nonce, patience, &asked).await {
            Ok(taken) => taken,
            Err(Failure::LockTimeout) => return self.give_up_on_the_patient(batch),
            Err(failure) => {
                batch
                    .into_iter()
                    .for_each(|waiting| waiting.answer(Err(failure.clone())));
                return Vec::new();
            }
        };
        let (mut to_book, mut to_look_up) = (Vec::new(), Vec::new());
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            let take = Taken {
                product,
                request: waiting.order.id,
                nonce,
                own: true,
            };
            match outcome {
                Take::Taken => to_book.push((waiting, take)),
                Take::Pending(other) => to_book.push((
                    waiting,
                    Taken {
                        nonce: other,
                        own: other == nonce,
                        ..take
                    },
                )),
                Take::Short(left) if !forgetful => {
                    waiting.answer(Err(Refusal::short(product, left).into()))
                }
                Take::Short(left) => {
                    to_look_up.push((waiting, Some(Refusal::short(product, left))))
                }
                Take::Booked => to_look_up.push((waiting, None)),
            }
        }
        if !to_look_up.is_empty() {
            tokio::spawn(look_up(Arc::clone(self), to_look_up));
        }
        if !to_book.is_empty() {
            self.book_or_split(product, to_book).await;
        }
        Vec::new()
    }

    /// The lock was not to be had: those who have waited long enough are told, the others wait on.
    fn give_up_on_the_patient(&self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let (tired, others): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|waiting| waiting.since.elapsed() >= self.hot.wait());
        tired
            .into_iter()
            .for_each(|waiting| waiting.answer(Err(Failure::LockTimeout)));
        others
    }

    /// All in one transaction; when that is refused because of some, one by one.
    async fn book_or_split(self: &Arc<Self>, product: ProductId, to_book: Vec<(Waiting, Taken)>) {
        let holds = to_book
            .iter()
            .map(|(waiting, _)| Hold {
                id: waiting.order.id,
                buyer: waiting.order.buyer,
                quantity: waiting.line.quantity,
            })
            .collect();
        let began = Instant::now();
        let booked = self.book_batch(product, holds).await;
        self.metrics.commit.record(began.elapsed());
        self.metrics.batches.inc();
        let mut tidy = Tidy::default();
        match booked {
            Ok(refusals) => {
                let booked: HashSet<Uuid> = to_book
                    .iter()
                    .zip(&refusals)
                    .filter(|(_, refusal)| refusal.is_none())
                    .map(|((waiting, _), _)| waiting.order.id)
                    .collect();
                let mut refused = Vec::new();
                for ((waiting, take), refusal) in to_book.into_iter().zip(refusals) {
                    match refusal {
                        None => {
                            tidy.booked(take);
                            waiting.answer(Ok(State::Held));
                        }
                        Some(refusal) => {
                            // A twin of the same request shares its take.
                            if !booked.contains(&waiting.order.id) {
                                tidy.back(take);
                            }
                            refused.push((waiting, Some(refusal)));
                        }
                    }
                }
                self.tidy(tidy).await;
                if !refused.is_empty() {
                    tokio::spawn(look_up(Arc::clone(self), refused));
                }
            }
            Err(TxError::Refuse(_)) => {
                let mut outcomes = Vec::with_capacity(to_book.len());
                for (waiting, take) in to_book {
                    let outcome = self.book_taken(&waiting.order, &[take], &mut tidy).await;
                    outcomes.push((waiting, outcome));
                }
                self.tidy(tidy).await;
                outcomes
                    .into_iter()
                    .for_each(|(waiting, outcome)| waiting.answer(outcome));
            }
            Err(failed) => {
                self.failed(&failed, to_book.iter().map(|(_, take)| *take), &mut tidy);
                self.tidy(tidy).await;
                let failure = Failure::from(failed.map(|_| Refusal::ReservationUnknown));
                to_book
                    .into_iter()
                    .for_each(|(waiting, _)| waiting.answer(Err(failure.clone())));
            }
        }
    }
}

async fn combine(stock: Weak<Stock>, product: ProductId, mut room: mpsc::Receiver<Waiting>) {
    let mut waiting: Vec<Waiting> = Vec::new();
    loop {
        if waiting.is_empty() {
            match tokio::time::timeout(IDLE, room.recv()).await {
                Ok(Some(first)) => waiting.push(first),
                Ok(None) => return,
                Err(_) => {
                    let Some(stock) = stock.upgrade() else { return };
                    let mut rooms = stock.queues.rooms();
                    // Nobody can come in while the map is locked: what is not here now finds a new room.
                    match room.try_recv() {
                        Ok(first) => waiting.push(first),
                        Err(_) => {
                            rooms.remove(&product);
                            return;
                        }
                    }
                }
            }
        }
        let Some(stock) = stock.upgrade() else { return };
        // Lets those come in who are ready to: the fuller the batch, the cheaper each of it.
        tokio::task::yield_now().await;
        while waiting.len() < stock.batch
            && let Ok(next) = room.try_recv()
        {
            waiting.push(next);
        }
        waiting = stock.round(product, waiting).await;
    }
}

/// Repeated requests, and refusals of what may be one: by a Redis that may have forgotten an earlier acceptance, and by a limit
/// that this very request may have filled. MySQL knows.
async fn look_up(stock: SharedStock, asked: Vec<(Waiting, Option<Refusal>)>) {
    let ids = asked.iter().map(|(waiting, _)| waiting.order.id).collect();
    let spent = match stock.spent(ids).await {
        Ok(spent) => spent,
        Err(failure) => {
            asked
                .into_iter()
                .for_each(|(waiting, _)| waiting.answer(Err(failure.clone())));
            return;
        }
    };
    for (waiting, refusal) in asked {
        let outcome = match refusal {
            Some(refusal) if !spent.contains(&waiting.order.id) => Err(refusal.into()),
            _ => stock.answer_booked(&waiting.order).await,
        };
        waiting.answer(outcome);
    }
}
