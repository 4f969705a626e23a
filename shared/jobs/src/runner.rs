//! The loop of each job.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt, join_all};
use mall_clock::{SharedClock, Zone};
use mall_db::Db;
use mall_telemetry::metrics::{Counter, Metrics, Timer};
use tokio_util::sync::CancellationToken;

use crate::lease::Leases;
use crate::schedule::{Schedule, Tick};

/// How long a run is believed alive without a sign of life; renewed at a third of it.
const LEASE: Duration = Duration::from_secs(30);
/// Cron waits look at the clock at least this often, so that a clock that was set is noticed.
const LOOK: Duration = Duration::from_secs(15);

type Work = Arc<dyn Fn(JobContext) -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// What a run is told.
#[derive(Clone, Debug)]
pub struct JobContext {
    stop: CancellationToken,
}

impl JobContext {
    /// Whether to end early: the program stops, or the lease was lost. A long job asks between its batches.
    pub fn should_stop(&self) -> bool {
        self.stop.is_cancelled()
    }
}

/// A piece of periodic work.
pub struct Job {
    name: &'static str,
    schedule: Schedule,
    zone: Zone,
    work: Work,
}

impl Job {
    /// A job; `name` is its lease and its label in metrics and logs, so it is unique in the service's schema.
    pub fn new<F, Fut>(name: &'static str, schedule: Schedule, zone: Zone, work: F) -> Self
    where
        F: Fn(JobContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self {
            name,
            schedule,
            zone,
            work: Arc::new(move |context| work(context).boxed()),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The work was done.
    Ok,
    /// The work, or taking the lease, failed; it was logged and counted.
    Failed,
    /// Another replica runs this tick, or has run it.
    Skipped,
}

/// How the runs of a job ended in this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Done.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Left to another replica.
    pub skipped: u64,
}

/// Why [`Jobs::run_now`] did not do the work.
#[derive(Debug, thiserror::Error)]
pub enum RunNowError {
    /// There is no job of that name.
    #[error("there is no job \"{0}\"")]
    Unknown(String),
    /// The job runs at this moment, here or in another replica.
    #[error("job \"{0}\" is running already")]
    Running(&'static str),
    /// The work failed.
    #[error("job \"{0}\" failed")]
    Failed(&'static str, #[source] anyhow::Error),
}

struct Entry {
    job: Job,
    ok: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    ok_metric: Counter,
    failed_metric: Counter,
    skipped_metric: Counter,
    duration: Timer,
}

/// The jobs of a service.
#[derive(Clone)]
pub struct Jobs {
    clock: SharedClock,
    metrics: Metrics,
    leases: Leases,
    entries: Vec<Arc<Entry>>,
}

enum Run {
    Done,
    Failed(anyhow::Error),
    Skipped,
}

impl Jobs {
    /// No jobs yet. The schema of `db` has the table [`crate::TABLE_SQL`].
    pub fn new(db: Db, clock: SharedClock, metrics: Metrics) -> Self {
        Self {
            clock,
            metrics,
            leases: Leases::new(db),
            entries: Vec::new(),
        }
    }

    /// Adds a job.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "a builder's add, not arithmetic"
    )]
    pub fn add(mut self, job: Job) -> Self {
        let count = |outcome| {
            self.metrics.counter(
                "mall.jobs.runs",
                "Runs of periodic jobs by how they ended",
                &[("job", job.name), ("outcome", outcome)],
            )
        };
        self.entries.push(Arc::new(Entry {
            ok: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            ok_metric: count("ok"),
            failed_metric: count("failed"),
            skipped_metric: count("skipped"),
            duration: self.metrics.timer(
                "mall.jobs.duration",
                "Time that a run of a job took",
                &[("job", job.name)],
            ),
            job,
        }));
        self
    }

    /// Runs every job at its times until `stop`; a run under way is told and waited for.
    pub async fn run(self, stop: CancellationToken) {
        join_all(
            self.entries
                .iter()
                .map(|entry| self.keep_running(entry, &stop)),
        )
        .await;
    }

    /// Runs a job at once, whatever its schedule says, and waits for it.
    ///
    /// # Errors
    /// The name is unknown, a run is under way, or the work failed (also logged and counted).
    pub async fn run_now(&self, name: &str) -> Result<(), RunNowError> {
        let Some(entry) = self.entries.iter().find(|entry| entry.job.name == name) else {
            return Err(RunNowError::Unknown(name.to_owned()));
        };
        let name = entry.job.name;
        match self.run_once(entry, None, &CancellationToken::new()).await {
            Run::Done => Ok(()),
            Run::Skipped => Err(RunNowError::Running(name)),
            Run::Failed(error) => Err(RunNowError::Failed(name, error)),
        }
    }

    /// How the runs of a job ended in this process; `None` for an unknown name.
    pub fn counts(&self, name: &str) -> Option<Counts> {
        self.entries
            .iter()
            .find(|entry| entry.job.name == name)
            .map(|entry| Counts {
                ok: entry.ok.load(Ordering::Relaxed),
                failed: entry.failed.load(Ordering::Relaxed),
                skipped: entry.skipped.load(Ordering::Relaxed),
            })
    }

    async fn keep_running(&self, entry: &Entry, stop: &CancellationToken) {
        let job = &entry.job;
        loop {
            let Some(tick) = job.schedule.next_tick(self.clock.now(), &job.zone) else {
                tracing::info!(job = job.name, schedule = %job.schedule, "job has no further times");
                return;
            };
            let stopped = if job.schedule.by_wall_clock() {
                self.wait_by_clock(tick.wait, stop).await
            } else {
                stopped_within(tick.wait, stop).await
            };
            if stopped {
                return;
            }
            self.run_once(entry, Some(tick), stop).await;
        }
    }

    /// Waits until the clock has moved by `wait`; true when told to stop.
    async fn wait_by_clock(&self, wait: Duration, stop: &CancellationToken) -> bool {
        let target = self.clock.now()
            + chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::days(1));
        loop {
            let Ok(left) = (target - self.clock.now()).to_std() else {
                return false;
            };
            if left.is_zero() {
                return false;
            }
            if stopped_within(left.min(LOOK), stop).await {
                return true;
            }
        }
    }

    /// One run under the lease. `tick` is `None` for a run out of turn.
    async fn run_once(&self, entry: &Entry, tick: Option<Tick>, stop: &CancellationToken) -> Run {
        let name = entry.job.name;
        let started = Instant::now();
        match self.leases.take(name, LEASE, tick.is_none()).await {
            Ok(true) => {}
            Ok(false) => {
                entry.skipped.fetch_add(1, Ordering::Relaxed);
                entry.skipped_metric.inc();
                return Run::Skipped;
            }
            Err(error) => {
                return self.failed(entry, started, anyhow::Error::msg(error.to_string()));
            }
        }

        let context = JobContext {
            stop: stop.child_token(),
        };
        let work = AssertUnwindSafe((entry.job.work)(context.clone())).catch_unwind();
        let result = tokio::select! {
            result = work => result,
            // Never completes: it only keeps the lease alive beside the work.
            () = self.keep_lease(name, &context) => unreachable_result(),
        };

        // Replicas' ticks of the same time come apart (clocks, starts): only one is run. Not the whole gap, or this
        // replica's own next tick could come a moment too early.
        let quiet = tick.map_or(Duration::ZERO, |tick| {
            (tick.gap / 10 * 9).saturating_sub(started.elapsed())
        });
        if let Err(error) = self.leases.finish(name, quiet).await {
            tracing::warn!(job = name, error = %error, "could not give the job's lease back; it runs out by itself");
        }
        match result {
            Ok(Ok(())) => {
                entry.ok.fetch_add(1, Ordering::Relaxed);
                entry.ok_metric.inc();
                entry.duration.record(started.elapsed());
                Run::Done
            }
            Ok(Err(error)) => self.failed(entry, started, error),
            Err(_panic) => self.failed(entry, started, anyhow::anyhow!("the job panicked")),
        }
    }

    async fn keep_lease(&self, name: &'static str, context: &JobContext) {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            match self.leases.renew(name, LEASE).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(job = name, "job lost its lease and is told to stop");
                    context.stop.cancel();
                    std::future::pending::<()>().await;
                }
                Err(error) => {
                    tracing::warn!(job = name, error = %error, "could not renew the job's lease")
                }
            }
        }
    }

    fn failed(&self, entry: &Entry, started: Instant, error: anyhow::Error) -> Run {
        entry.failed.fetch_add(1, Ordering::Relaxed);
        entry.failed_metric.inc();
        entry.duration.record(started.elapsed());
        tracing::error!(
            job = entry.job.name,
            error = format!("{error:#}"),
            "job failed; it runs again at its next time"
        );
        Run::Failed(error)
    }
}

async fn stopped_within(wait: Duration, stop: &CancellationToken) -> bool {
    tokio::time::timeout(wait, stop.cancelled()).await.is_ok()
}

fn unreachable_result() -> Result<anyhow::Result<()>, Box<dyn std::any::Any + Send>> {
    Ok(Err(anyhow::anyhow!("the lease keeper ended")))
}
