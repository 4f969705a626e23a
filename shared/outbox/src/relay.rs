//! Takes due rows, has them delivered, settles them.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mall_clock::SharedClock;
use mall_db::Db;
use mall_fault_points::FaultPoints;
use mall_telemetry::metrics::Metrics;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::delivery::{Delivered, Taken, deliver, settle};
use crate::unit::read;
use crate::{DeadLetter, Deliver, dead, store, take};

/// How long [`Relay::deliver_now`] waits for an outcome.
const DELIVER_NOW_WAIT: Duration = Duration::from_secs(5);

/// How a relay works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelaySettings {
    /// The longest pause between two looks at the table. Rows of other replicas and rows without a kick wait for it.
    pub poll: Duration,
    /// How many rows are in delivery at a time.
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
    faults: FaultPoints,
}

pub(crate) struct Parts {
    pub db: Db,
    pub clock: SharedClock,
    pub deliver: Arc<dyn Deliver>,
    pub settings: RelaySettings,
    kicked: Notify,
}

/// How often the rows are counted for the gauges.
const REPORT: Duration = Duration::from_secs(10);

/// When the soonest of the failed rows comes again.
#[derive(Debug, Default)]
struct Retry(Option<Instant>);

impl Retry {
    fn after(&mut self, wait: Option<Duration>) {
        if let Some(at) = wait.map(|wait| Instant::now() + wait) {
            self.0 = Some(self.0.map_or(at, |earlier| earlier.min(at)));
        }
    }

    /// How long to wait for it, `poll` at most.
    fn pause(&mut self, poll: Duration) -> Duration {
        match self
            .0
            .map(|at| at.saturating_duration_since(Instant::now()))
        {
            Some(wait) if !wait.is_zero() => wait.min(poll),
            _ => {
                self.0 = None;
                poll
            }
        }
    }
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
            faults: FaultPoints::from_env(),
        }
    }

    /// With other fault points than the environment's.
    #[must_use]
    pub fn with_faults(self, faults: FaultPoints) -> Self {
        Self { faults, ..self }
    }

    /// Wakes this replica's relay: there is something new. Never blocks; a kick while a look is under way starts another
    /// one.
    pub fn kick(&self) {
        self.parts.kicked.notify_one();
    }

    /// Works until `stop` is cancelled, then finishes the rows that are in delivery and ends.
    ///
    /// Every row is delivered for itself: one that takes long holds up nothing but its own key and one of
    /// [`RelaySettings::batch`] places. A database that is away is logged and asked again after the poll time.
    pub fn run(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static {
        let relay = self.clone();
        async move {
            let mut under_way = JoinSet::new();
            let mut retry = Retry::default();
            while !stop.is_cancelled() {
                let free = relay.free(&under_way);
                let looked = match relay.start(&mut under_way, free).await {
                    Ok(()) => true,
                    Err(error) => {
                        tracing::warn!(error = %error, "outbox can't be worked on, trying again");
                        false
                    }
                };
                let poll = relay.parts.settings.poll;
                let pause = retry.pause(poll);
                // When the look failed, only time heals; else whatever happens may have made a row due.
                tokio::select! {
                    () = stop.cancelled() => {}
                    Some(first) = under_way.join_next(), if !under_way.is_empty() => {
                        retry.after(relay.finish(first, &mut under_way).await);
                        if !looked {
                            tokio::select! {
                                () = stop.cancelled() => {}
                                () = tokio::time::sleep(poll) => {}
                            }
                        }
                    }
                    () = relay.parts.kicked.notified(), if looked && relay.free(&under_way) > 0 => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
            while let Some(first) = under_way.join_next().await {
                relay.finish(first, &mut under_way).await;
            }
        }
    }

    /// Takes as many due rows as may be in delivery at a time, and delivers them. Returns how many were delivered.
    pub async fn drain_once(&self) -> Result<usize, sqlx::Error> {
        let mut under_way = JoinSet::new();
        self.start(&mut under_way, self.parts.settings.batch)
            .await?;
        let mut done = Vec::new();
        while let Some(joined) = under_way.join_next().await {
            done.extend(joined.ok());
        }
        let delivered = done.iter().filter(|one| one.result.is_ok()).count();
        settle(&self.parts, done).await?;
        self.faults.reach("outbox.settled").await;
        Ok(delivered)
    }

    /// Tries one row at once, whatever its backoff, and waits for the outcome, 5 s at most.
    ///
    /// For a request that wants the effect before it answers. A row that another relay has just taken is waited for; older
    /// rows of its key go first.
    pub async fn deliver_now(&self, id: i64) -> Result<Outcome, sqlx::Error> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            match take::one(&self.parts, id).await? {
                Some(taken) => {
                    let relay = self.clone();
                    // A task of its own: a caller that goes away does not break the settling.
                    let task = tokio::spawn(async move {
                        let done = deliver(Arc::clone(&relay.parts), taken, relay.faults.clone());
                        let done = done.await;
                        let delivered = done.result.is_ok();
                        settle(&relay.parts, vec![done]).await?;
                        relay.faults.reach("outbox.settled").await;
                        Ok(delivered)
                    });
                    let delivered: Result<bool, sqlx::Error> = task
                        .await
                        .unwrap_or_else(|error| Err(sqlx::Error::Io(std::io::Error::other(error))));
                    return Ok(if delivered? {
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

    /// Rows that were given up, oldest first, from behind the id `after` on, `limit` at most.
    pub async fn list_dead(&self, after: i64, limit: u32) -> Result<Vec<DeadLetter>, sqlx::Error> {
        dead::list(&self.parts.db, after, limit).await
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

    /// How many rows more may be in delivery.
    fn free(&self, under_way: &JoinSet<Delivered>) -> u32 {
        let taken = u32::try_from(under_way.len()).unwrap_or(u32::MAX);
        self.parts.settings.batch.saturating_sub(taken)
    }

    /// Leases up to `limit` due rows and starts their deliveries.
    async fn start(
        &self,
        under_way: &mut JoinSet<Delivered>,
        limit: u32,
    ) -> Result<(), sqlx::Error> {
        if limit == 0 {
            return Ok(());
        }
        let taken: Vec<Taken> = take::batch(&self.parts, limit).await?;
        for taken in taken {
            under_way.spawn(deliver(Arc::clone(&self.parts), taken, self.faults.clone()));
        }
        Ok(())
    }

    /// Settles all deliveries that have ended, in one transaction; the soonest wait that a failed row was given.
    async fn finish(
        &self,
        first: Result<Delivered, tokio::task::JoinError>,
        under_way: &mut JoinSet<Delivered>,
    ) -> Option<Duration> {
        let mut done = Vec::new();
        let mut next = Some(first);
        while let Some(joined) = next {
            match joined {
                Ok(delivered) => done.push(delivered),
                // The lease ends by itself and the row comes again.
                Err(error) => tracing::error!(error = %error, "outbox delivery broke off"),
            }
            next = under_way.try_join_next();
        }
        let settled = settle(&self.parts, done).await;
        self.faults.reach("outbox.settled").await;
        settled.unwrap_or_else(|error| {
            // What was delivered is delivered again when its lease has ended; receivers know it by its id.
            tracing::warn!(error = %error, "outbox deliveries could not be written down");
            None
        })
    }
}
