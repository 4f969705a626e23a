//! One combiner per hot product and process: requests that wait at the same moment share one script and one transaction.
//!
//! Each product with waiting requests has a task. It collects what waits, takes for all of it in one step, and hands what was
//! taken to a booking, which commits it in one transaction and answers each. While that goes on, the task collects and takes for the
//! next batch: Redis, MySQL and this process work at the same time. So the cost of a request falls as the crowd grows. A task that
//! has had nothing to do for a while ends.
//!
//! Bookings of one product may overtake each other. That is as with two instances: each is guarded by itself, and whatever is
//! taken in Redis and not yet booked only makes Redis show fewer than MySQL has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use mall_db::TxError;
use mall_stock_api::ReservationState as State;
use mall_types::ProductId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::tidy::{Taken, Tidy};
use crate::domain::{Line, Order, Refusal};
use crate::failure::Failure;
use crate::hot::{Booked, Take};
use crate::state::{SharedStock, Stock};
use crate::store::bookings::Hold;

/// So many requests may wait for one product; more are told to come again.
const WAITING_ROOM: usize = 8192;

/// How long a combiner waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// So many batches of a product may be between their take and their answers: one in MySQL, the next in Redis.
const UNDER_WAY: usize = 2;

/// So many booked batches at most are settled along with a take.
const SETTLED_ALONG: usize = 64;

type Outcome = Result<State, Failure>;

/// One request in the waiting room.
struct Waiting {
    hold: Hold,
    since: Instant,
    answer: oneshot::Sender<Outcome>,
}

impl Waiting {
    fn answer(self, outcome: Outcome) {
        // Whoever asked may be gone; the reservation stands and is released by its owner's rules.
        let _ = self.answer.send(outcome);
    }

    fn order(&self, product: ProductId) -> Order {
        Order {
            id: self.hold.id,
            buyer: self.hold.buyer,
            lines: vec![Line {
                product_id: product,
                quantity: self.hold.quantity,
            }],
        }
    }
}

fn answer_all(batch: Vec<Waiting>, failure: &Failure) {
    for waiting in batch {
        waiting.answer(Err(failure.clone()));
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

/// What a product's combiner and its bookings share.
struct Desk {
    product: ProductId,
    /// Batches that are booked and still pending in Redis: the next take settles them. `None`: there will be no next take.
    booked: Mutex<Option<Vec<Booked>>>,
    /// There is something in `booked`.
    news: Notify,
    under_way: Arc<Semaphore>,
}

impl Desk {
    fn booked(&self) -> MutexGuard<'_, Option<Vec<Booked>>> {
        self.booked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves batches for the combiner; gives them back when it has ended.
    fn leave(&self, batch: Option<Booked>) -> Vec<Booked> {
        let Some(batch) = batch else {
            return Vec::new();
        };
        match self.booked().as_mut() {
            Some(booked) => booked.push(batch),
            None => return vec![batch],
        }
        self.news.notify_one();
        Vec::new()
    }

    /// So many as one question may hold.
    fn some(&self) -> Vec<Booked> {
        match self.booked().as_mut() {
            Some(booked) => booked.split_off(booked.len().saturating_sub(SETTLED_ALONG)),
            None => Vec::new(),
        }
    }

    fn all(&self) -> Vec<Booked> {
        self.booked()
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    fn close(&self) -> Vec<Booked> {
        self.booked().take().unwrap_or_default()
    }
}

impl Stock {
    /// Waits for the outcome of a request for one product.
    pub(crate) async fn reserve_combined(self: &Arc<Self>, order: Order, line: Line) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let hold = Hold {
            id: order.id,
            buyer: order.buyer,
            quantity: line.quantity,
        };
        self.enter(
            line.product_id,
            Waiting {
                hold,
                since: Instant::now(),
                answer,
            },
        )?;
        outcome
            .await
            .unwrap_or_else(|_| Err(Failure::Redis("combiner ended".to_owned())))
    }

    fn enter(self: &Arc<Self>, product: ProductId, mut waiting: Waiting) -> Result<(), Failure> {
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

    /// One batch: takes, and leaves the rest to a booking. Returns who has to wait on.
    async fn round(
        self: &Arc<Self>,
        desk: &Arc<Desk>,
        batch: Vec<Waiting>,
        permit: OwnedSemaphorePermit,
    ) -> Vec<Waiting> {
        let product = desk.product;
        if let Err(failure) = self.ask_mysql_in_doubt().await {
            answer_all(batch, &failure);
            return Vec::new();
        }
        let nonce = Uuid::new_v4();
        let asked: Vec<(Uuid, i64)> = batch
            .iter()
            .map(|waiting| (waiting.hold.id, waiting.hold.quantity))
            .collect();
        // Whoever came first is first.
        let waited = batch.first().map(|waiting| waiting.since.elapsed());
        let patience = self.hot.wait().saturating_sub(waited.unwrap_or_default());
        let booked = desk.some();
        let (memory, outcomes) = match self.take(product, nonce, patience, &booked, &asked).await {
            Ok(taken) => taken,
            Err(Failure::LockTimeout) => {
                self.settle_later(product, booked);
                return self.give_up_on_the_patient(batch);
            }
            Err(failure) => {
                answer_all(batch, &failure);
                return Vec::new();
            }
        };
        let (mut to_book, mut to_look_up, mut to_follow) =
            (Vec::with_capacity(batch.len()), Vec::new(), Vec::new());
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            match outcome {
                Take::Taken => to_book.push(waiting),
                Take::Pending(other) => to_follow.push((waiting, other)),
                Take::Short(left) if !memory.may_lack(waiting.hold.id) => {
                    waiting.answer(Err(Refusal::short(product, left).into()));
                }
                Take::Short(left) => {
                    to_look_up.push((waiting, Some(Refusal::short(product, left))));
                }
                Take::Booked => to_look_up.push((waiting, None)),
            }
        }
        if !to_look_up.is_empty() {
            tokio::spawn(look_up(Arc::clone(self), product, to_look_up));
        }
        if !to_book.is_empty() || !to_follow.is_empty() {
            let (stock, desk) = (Arc::clone(self), Arc::clone(desk));
            tokio::spawn(async move {
                let (whole, mut tidy) = stock.book_or_split(&desk, nonce, to_book).await;
                drop(permit);
                // Twins wait for their first, so that they meet its row and not its lock.
                if !to_follow.is_empty() {
                    stock.follow(product, to_follow, &mut tidy).await;
                }
                stock.faults.reach("take.answered").await;
                stock.settle_later(product, desk.leave(whole));
                stock.tidy(tidy).await;
            });
        }
        Vec::new()
    }

    /// The lock was not to be had: those who have waited long enough are told, the others wait on.
    fn give_up_on_the_patient(&self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let (tired, others): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|waiting| waiting.since.elapsed() >= self.hot.wait());
        answer_all(tired, &Failure::LockTimeout);
        others
    }

    /// All in one transaction; when that is refused because of some, one by one. Everybody is answered; returns what is left to
    /// be told to Redis, for which nobody waits: the batch, when all of it is booked, else what became of each.
    async fn book_or_split(
        self: &Arc<Self>,
        desk: &Desk,
        nonce: Uuid,
        to_book: Vec<Waiting>,
    ) -> (Option<Booked>, Tidy) {
        let product = desk.product;
        let mut tidy = Tidy::default();
        if to_book.is_empty() {
            return (None, tidy);
        }
        let take = |waiting: &Waiting| Taken {
            product,
            request: waiting.hold.id,
            nonce,
            own: true,
        };
        let holds = to_book.iter().map(|waiting| waiting.hold).collect();
        self.faults.reach("take.taken").await;
        let began = Instant::now();
        let booked = self.book_batch(product, holds).await;
        self.metrics.commit.record(began.elapsed());
        self.faults.reach("take.booked").await;
        self.metrics.batches.inc();
        match booked {
            Ok(refusals) if refusals.iter().all(Option::is_none) => {
                let ids = to_book.iter().map(|waiting| waiting.hold.id).collect();
                for waiting in to_book {
                    waiting.answer(Ok(State::Held));
                }
                return (Some(Booked { nonce, ids }), tidy);
            }
            Ok(refusals) => {
                let mut refused = Vec::new();
                for (waiting, refusal) in to_book.into_iter().zip(refusals) {
                    match refusal {
                        None => {
                            tidy.booked(take(&waiting));
                            waiting.answer(Ok(State::Held));
                        }
                        Some(refusal) => {
                            tidy.back(take(&waiting));
                            refused.push((waiting, Some(refusal)));
                        }
                    }
                }
                if !refused.is_empty() {
                    // Before the refusals are told, so that a refused request leaves the shelf as it was.
                    self.tidy(tidy.but_booked()).await;
                    tokio::spawn(look_up(Arc::clone(self), product, refused));
                }
            }
            Err(TxError::Refuse(_)) => {
                let mut outcomes = Vec::with_capacity(to_book.len());
                for waiting in to_book {
                    let (order, take) = (waiting.order(product), take(&waiting));
                    let outcome = self.book_taken(&order, &[take], &mut tidy).await;
                    outcomes.push((waiting, outcome));
                }
                self.tidy(tidy.but_booked()).await;
                for (waiting, outcome) in outcomes {
                    waiting.answer(outcome);
                }
            }
            Err(failed) => {
                self.failed(&failed, to_book.iter().map(take), &mut tidy);
                self.tidy(tidy.but_booked()).await;
                let failure = Failure::from(failed.map(|_| Refusal::ReservationUnknown));
                answer_all(to_book, &failure);
            }
        }
        (None, tidy)
    }

    /// Requests that were taken before, under another nonce or as a twin in the same batch: each by itself, because all but those
    /// whose first try died find their row.
    async fn follow(
        self: &Arc<Self>,
        product: ProductId,
        followers: Vec<(Waiting, Uuid)>,
        tidy: &mut Tidy,
    ) {
        for (waiting, nonce) in followers {
            let take = Taken {
                product,
                request: waiting.hold.id,
                nonce,
                own: false,
            };
            let outcome = self
                .book_taken(&waiting.order(product), &[take], tidy)
                .await;
            waiting.answer(outcome);
        }
    }
}

async fn combine(stock: Weak<Stock>, product: ProductId, mut room: mpsc::Receiver<Waiting>) {
    let desk = Arc::new(Desk {
        product,
        booked: Mutex::new(Some(Vec::new())),
        news: Notify::new(),
        under_way: Arc::new(Semaphore::new(UNDER_WAY)),
    });
    let mut waiting: Vec<Waiting> = Vec::new();
    loop {
        if waiting.is_empty() {
            tokio::select! {
                biased;
                first = room.recv() => match first {
                    Some(first) => waiting.push(first),
                    None => break,
                },
                // Nobody waits, so there may be no next take for a while.
                () = desk.news.notified() => {
                    let Some(stock) = stock.upgrade() else { break };
                    stock.settle_later(product, desk.all());
                    continue;
                }
                () = tokio::time::sleep(IDLE) => {
                    let Some(stock) = stock.upgrade() else { break };
                    let mut rooms = stock.queues.rooms();
                    // Nobody can come in while the map is locked: what is not here now finds a new room.
                    match room.try_recv() {
                        Ok(first) => waiting.push(first),
                        Err(_) => {
                            rooms.remove(&product);
                            break;
                        }
                    }
                }
            }
        }
        let Ok(permit) = Arc::clone(&desk.under_way).acquire_owned().await else {
            break;
        };
        let Some(stock) = stock.upgrade() else { break };
        // Lets those come in who are ready to: the fuller the batch, the cheaper each of it.
        tokio::task::yield_now().await;
        while waiting.len() < stock.batch
            && let Ok(next) = room.try_recv()
        {
            waiting.push(next);
        }
        waiting = stock.round(&desk, waiting, permit).await;
    }
    let left = desk.close();
    if let Some(stock) = stock.upgrade() {
        stock.settle_later(product, left);
    }
}

/// Repeated requests, and refusals of what may be one: by a Redis that may have forgotten an earlier acceptance, and by a limit
/// that this very request may have filled. MySQL knows.
async fn look_up(stock: SharedStock, product: ProductId, asked: Vec<(Waiting, Option<Refusal>)>) {
    let ids = asked.iter().map(|(waiting, _)| waiting.hold.id).collect();
    let spent = match stock.spent(ids).await {
        Ok(spent) => spent,
        Err(failure) => {
            answer_all(
                asked.into_iter().map(|(waiting, _)| waiting).collect(),
                &failure,
            );
            return;
        }
    };
    for (waiting, refusal) in asked {
        let outcome = match refusal {
            Some(refusal) if !spent.contains(&waiting.hold.id) => Err(refusal.into()),
            _ => stock.answer_booked(&waiting.order(product)).await,
        };
        waiting.answer(outcome);
    }
}
