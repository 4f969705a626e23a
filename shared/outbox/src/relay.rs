//! Takes due rows, has them delivered, settles them.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mall_clock::SharedClock;
use mall_db::{Db, TxError};
use mall_telemetry::metrics::Metrics;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Deliver, DeliverError, Message, backoff, store};

/// How long [`Relay::deliver_now`] waits for an outcome.
const DELIVER_NOW_WAIT: Duration = Duration::from_secs(5);

/// How a relay works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelaySettings {
    /// The longest pause between two looks at the table. Rows of other replicas and rows without a kick wait for it.
    pub poll: Duration,
    /// How many rows are taken at a time; they are delivered concurrently.
    pub batch: u32,
    /// How long a taken row is this relay's. A delivery may take three quarters of it.
    pub lease: Duration,
    /// The longest wait between two attempts at one row (the first is 200 ms).
    pub max_backoff: Duration,
}

impl Default for RelaySettings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            batch: 32,
            lease: Duration::from_secs(30),
            max_backoff: Duration::from_secs(60),
        }
    }
}

/// How an attempt at one row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Delivered and gone from the table.
    Delivered,
    /// Not yet: it failed and waits, older rows of its key are first, or it is dead.
    Pending,
}

/// Delivers a service's outbox. Cheap to clone; clones are the same relay.
#[derive(Clone)]
pub struct Relay {
    parts: Arc<Parts>,
}

struct Parts {
    db: Db,
    clock: SharedClock,
    deliver: Arc<dyn Deliver>,
    settings: RelaySettings,
    kicked: Notify,
}

/// How often the rows are counted for the gauges.
const REPORT: Duration = Duration::from_secs(10);

/// What one pass over the table did.
#[derive(Debug, Default, Clone, Copy)]
struct Pass {
    taken: usize,
    delivered: usize,
    /// The shortest wait that a failed row was given.
    soonest_retry: Option<Duration>,
}

impl Relay {
    /// A relay that does nothing until [`run`](Self::run), [`drain_once`](Self::drain_once) or
    /// [`deliver_now`](Self::deliver_now) is awaited.
    pub fn new(
        db: Db,
        clock: SharedClock,
        deliver: Arc<dyn Deliver>,
        settings: RelaySettings,
    ) -> Self {
        Self {
            parts: Arc::new(Parts {
                db,
                clock,
                deliver,
                settings,
                kicked: Notify::new(),
            }),
        }
    }

    /// Wakes this replica's relay: there is something new. Never blocks; a kick while a pass runs starts another one.
    pub fn kick(&self) {
        self.parts.kicked.notify_one();
    }

    /// Works until `stop` is cancelled, then finishes the rows that are in delivery and ends.
    ///
    /// A database that is away is logged and asked again after the poll time.
    pub fn run(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
        let relay = self.clone();
        async move {
            let mut retry_at: Option<Instant> = None;
            while !stop.is_cancelled() {
                let poll = relay.parts.settings.poll;
                match relay.pass().await {
                    Ok(pass) => {
                        if let Some(at) = pass.soonest_retry.map(|wait| Instant::now() + wait) {
                            retry_at = Some(retry_at.map_or(at, |earlier| earlier.min(at)));
                        }
                        // Failed rows wait for their backoff, so going on at once can't spin.
                        if pass.taken > 0 {
                            continue;
                        }
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, "outbox can't be worked on, trying again")
                    }
                }
                let pause = match retry_at.map(|at| at.saturating_duration_since(Instant::now())) {
                    Some(wait) if !wait.is_zero() => wait.min(poll),
                    _ => {
                        retry_at = None;
                        poll
                    }
                };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = relay.parts.kicked.notified() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }

    /// Takes one batch of due rows and delivers it. Returns how many were delivered.
    pub async fn drain_once(&self) -> Result<usize, sqlx::Error> {
        Ok(self.pass().await?.delivered)
    }

    /// Tries one row at once, whatever its backoff, and waits for the outcome, 5 s at most.
    ///
    /// For a request that wants the effect before it answers. A row that another relay has just taken is waited for; older
    /// rows of its key go first.
    pub async fn deliver_now(&self, id: i64) -> Result<Outcome, sqlx::Error> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            match self.take_one(id).await? {
                Some((message, holder)) => {
                    let settled = attempt(Arc::clone(&self.parts), message, holder).await?;
                    return Ok(if settled.is_none() {
                        Outcome::Delivered
                    } else {
                        Outcome::Pending
                    });
                }
                None => match read(&self.parts.db, "outbox_row", move |conn| {
                    Box::pin(store::is_dead(conn, id))
                })
                .await?
                {
                    None => return Ok(Outcome::Delivered),
                    Some(true) => return Ok(Outcome::Pending),
                    Some(false) if started.elapsed() >= DELIVER_NOW_WAIT => {
                        return Ok(Outcome::Pending);
                    }
                    Some(false) => self.kick(),
                },
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    /// How many rows wait to be delivered.
    pub async fn pending(&self) -> Result<u64, sqlx::Error> {
        read(&self.parts.db, "outbox_pending", |conn| {
            Box::pin(store::count(conn, false))
        })
        .await
    }

    /// How many rows were given up and wait for a person.
    pub async fn dead(&self) -> Result<u64, sqlx::Error> {
        read(&self.parts.db, "outbox_dead", |conn| {
            Box::pin(store::count(conn, true))
        })
        .await
    }

    /// Reports `mall.outbox.pending` and `mall.outbox.dead` until `stop` is cancelled. A dead row is something that a client
    /// was promised and that nobody does any more: alarm on it.
    pub fn report(
        &self,
        metrics: Metrics,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let relay = self.clone();
        async move {
            let pending = metrics.gauge(
                "mall.outbox.pending",
                "Outbox rows that wait for delivery",
                &[],
            );
            let dead = metrics.gauge("mall.outbox.dead", "Outbox rows that were given up", &[]);
            loop {
                match (relay.pending().await, relay.dead().await) {
                    (Ok(waiting), Ok(given_up)) => {
                        pending.set(waiting as f64);
                        dead.set(given_up as f64);
                    }
                    (Err(error), _) | (_, Err(error)) => {
                        tracing::debug!(error = %error, "the outbox could not be counted");
                    }
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(REPORT) => {}
                }
            }
        }
    }

    async fn pass(&self) -> Result<Pass, sqlx::Error> {
        let taken = self.take_batch().await?;
        let mut pass = Pass {
            taken: taken.len(),
            ..Pass::default()
        };
        let mut deliveries = JoinSet::new();
        for (message, holder) in taken {
            deliveries.spawn(attempt(Arc::clone(&self.parts), message, holder));
        }
        let mut failed = None;
        while let Some(joined) = deliveries.join_next().await {
            match joined {
                Ok(Ok(None)) => pass.delivered += 1,
                Ok(Ok(Some(retry))) => {
                    pass.soonest_retry = Some(
                        pass.soonest_retry
                            .map_or(retry, |soonest| soonest.min(retry)),
                    );
                }
                Ok(Err(error)) => failed = Some(error),
                // The lease ends by itself and the row comes again.
                Err(error) => tracing::error!(error = %error, "outbox delivery broke off"),
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(pass),
        }
    }

    /// Leases every due row that is free; `SKIP LOCKED` keeps replicas from waiting for each other.
    async fn take_batch(&self) -> Result<Vec<(Message, String)>, sqlx::Error> {
        let (now, until, batch) = (
            self.parts.clock.now(),
            self.lease_end(),
            self.parts.settings.batch,
        );
        let candidates = read(&self.parts.db, "outbox_candidates", move |conn| {
            Box::pin(store::candidates(conn, now, batch))
        })
        .await?;
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        // A name of its own for each lease: a row that was lost by its lease and taken again by this same relay must not
        // be settled by the first delivery.
        let holder = uuid::Uuid::new_v4().to_string();
        let leased_to = holder.clone();
        let taken: Result<Vec<Message>, TxError<Infallible>> = self
            .parts
            .db
            .run_tx("outbox_take", move |conn| {
                let (candidates, holder) = (candidates.clone(), leased_to.clone());
                Box::pin(async move {
                    let mut taken = Vec::with_capacity(candidates.len());
                    for id in candidates {
                        taken.extend(store::lease(conn, id, now, &holder, until).await?);
                    }
                    Ok(taken)
                })
            })
            .await;
        Ok(taken
            .map_err(into_sqlx)?
            .into_iter()
            .map(|message| (message, holder.clone()))
            .collect())
    }

    async fn take_one(&self, id: i64) -> Result<Option<(Message, String)>, sqlx::Error> {
        let (now, until) = (self.parts.clock.now(), self.lease_end());
        let holder = uuid::Uuid::new_v4().to_string();
        let leased_to = holder.clone();
        let taken: Result<Option<Message>, TxError<Infallible>> = self
            .parts
            .db
            .run_tx("outbox_take_one", move |conn| {
                let holder = leased_to.clone();
                Box::pin(async move {
                    if !store::is_candidate(conn, now, id).await? {
                        return Ok(None);
                    }
                    Ok(store::lease(conn, id, now, &holder, until).await?)
                })
            })
            .await;
        Ok(taken.map_err(into_sqlx)?.map(|message| (message, holder)))
    }

    fn lease_end(&self) -> chrono::DateTime<chrono::Utc> {
        self.parts.clock.now() + self.parts.settings.lease
    }
}

/// Delivers one leased row and settles it; `Some(wait)` when it failed and comes again after that wait (or is dead).
///
/// The delivery is a task of its own: neither a panic in it nor a caller that goes away breaks the settling.
async fn attempt(
    parts: Arc<Parts>,
    message: Message,
    holder: String,
) -> Result<Option<Duration>, sqlx::Error> {
    let task = tokio::spawn(async move {
        let result = deliver(&parts, &message).await;
        settle(&parts, &message, &holder, result).await
    });
    match task.await {
        Ok(settled) => settled,
        Err(error) => Err(sqlx::Error::Io(std::io::Error::other(error))),
    }
}

async fn deliver(parts: &Arc<Parts>, message: &Message) -> Result<(), DeliverError> {
    let limit = parts.settings.lease.mul_f64(0.75);
    let (deliver, copy) = (Arc::clone(&parts.deliver), message.clone());
    let mut task = tokio::spawn(async move { deliver.deliver(&copy).await });
    match tokio::time::timeout(limit, &mut task).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(DeliverError::Retry("the delivery panicked".to_owned())),
        Err(_) => {
            task.abort();
            Err(DeliverError::Retry("the delivery took too long".to_owned()))
        }
    }
}

async fn settle(
    parts: &Arc<Parts>,
    message: &Message,
    holder: &str,
    result: Result<(), DeliverError>,
) -> Result<Option<Duration>, sqlx::Error> {
    let id = message.id;
    let (error, dead) = match result {
        Ok(()) => {
            write(&parts.db, "outbox_delivered", move |conn| {
                Box::pin(store::delete(conn, id))
            })
            .await?;
            return Ok(None);
        }
        Err(DeliverError::Retry(error)) => (error, false),
        Err(DeliverError::Dead(error)) => (error, true),
    };
    let failures = message.attempts.saturating_add(1);
    let wait = backoff::delay(failures, parts.settings.max_backoff, rand::random::<f64>());
    if dead {
        tracing::error!(outbox.id = id, outbox.topic = %message.topic, outbox.attempts = failures, error = %error, "outbox message given up");
    } else {
        tracing::warn!(outbox.id = id, outbox.topic = %message.topic, outbox.attempts = failures, wait_ms = wait.as_millis() as u64, error = %error, "outbox message not delivered, will be tried again");
    }
    let (next, holder) = (parts.clock.now() + wait, holder.to_owned());
    write(&parts.db, "outbox_give_back", move |conn| {
        let (holder, error) = (holder.clone(), error.clone());
        Box::pin(async move { store::give_back(conn, id, &holder, next, &error, dead).await })
    })
    .await?;
    Ok(Some(wait))
}

type Sql<'c, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'c>>;

async fn read<T, F>(db: &Db, name: &'static str, query: F) -> Result<T, sqlx::Error>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut sqlx::MySqlConnection) -> Sql<'c, T> + Send + Sync + 'static,
{
    let query = Arc::new(query);
    db.read(name, move |conn| {
        let query = Arc::clone(&query);
        Box::pin(async move { query(conn).await.map_err(TxError::<Infallible>::from) })
    })
    .await
    .map_err(into_sqlx)
}

async fn write<T, F>(db: &Db, name: &'static str, query: F) -> Result<T, sqlx::Error>
where
    T: Send + 'static,
    F: for<'c> Fn(&'c mut sqlx::MySqlConnection) -> Sql<'c, T> + Send + Sync + 'static,
{
    let query = Arc::new(query);
    db.run_tx(name, move |conn| {
        let query = Arc::clone(&query);
        Box::pin(async move { query(conn).await.map_err(TxError::<Infallible>::from) })
    })
    .await
    .map_err(into_sqlx)
}

fn into_sqlx(error: TxError<Infallible>) -> sqlx::Error {
    match error {
        TxError::Db(error) | TxError::Unknown(error) => error,
        TxError::Refuse(never) => match never {},
    }
}
