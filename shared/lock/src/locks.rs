//! Taking a lock, and waiting for it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::aio::ConnectionManager;
use redis::{Client, RedisError, RedisResult};

use crate::guard::Guard;
use crate::scripts;
use crate::wakeup::Wakeups;

/// No single question to Redis takes longer; the connection's own limits are usually shorter.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How often a waiter looks for itself while the subscription connection is away.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else had it for the whole wait.
    #[error("lock not to be had in time")]
    Timeout,
    /// Redis is away or answered an error.
    #[error("redis: {0}")]
    Redis(#[from] RedisError),
    /// Redis did not answer.
    #[error("redis did not answer in time")]
    NoAnswer,
}

/// The locks of one Redis, as one process sees them. Cheap to clone; clones share the process id and the subscription.
#[derive(Clone)]
pub struct Locks(Arc<Inner>);

struct Inner {
    commands: ConnectionManager,
    process: String,
    next: AtomicU64,
    wakeups: Wakeups,
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks")
            .field("process", &self.0.process)
            .finish_non_exhaustive()
    }
}

impl Locks {
    /// Sends commands over `commands`; `client` opens the subscription connection when the first waiter needs it.
    #[must_use]
    pub fn new(client: Client, commands: ConnectionManager) -> Self {
        Self(Arc::new(Inner {
            commands,
            process: uuid::Uuid::new_v4().to_string(),
            next: AtomicU64::new(1),
            wakeups: Wakeups::new(client),
        }))
    }

    /// Takes the lock `name` for at most `lease`, waiting at most `wait` for whoever has it.
    ///
    /// Safe to drop at any moment.
    ///
    /// # Errors
    /// [`LockError::Timeout`] when it was not to be had in time, else Redis was the trouble; nothing is held then.
    pub async fn acquire(
        &self,
        name: &str,
        wait: Duration,
        lease: Duration,
    ) -> Result<Guard, LockError> {
        let give_up = Instant::now() + wait;
        if let Ok(guard) = self.attempt(name, lease).await? {
            return Ok(guard);
        }
        if wait.is_zero() {
            return Err(LockError::Timeout);
        }
        let mut waiter = self.0.wakeups.wait_on(&scripts::channel_of(name));
        // Asked again once the subscription stands: a release between the first look and the subscription woke nobody.
        let mut listening = waiter
            .subscribed(
                give_up
                    .saturating_duration_since(Instant::now())
                    .min(LOOK_EVERY),
            )
            .await;
        loop {
            let ttl = match self.attempt(name, lease).await? {
                Ok(guard) => {
                    waiter.settle();
                    return Ok(guard);
                }
                Err(ttl) => ttl,
            };
            let left = give_up.saturating_duration_since(Instant::now());
            if left.is_zero() {
                waiter.settle();
                return Err(LockError::Timeout);
            }
            // A lock without an end (-1) is waited for until it is let go of.
            let until_end = u64::try_from(ttl).map_or(left, |ms| Duration::from_millis(ms.max(1)));
            let sleep = if listening {
                left.min(until_end)
            } else {
                left.min(until_end).min(LOOK_EVERY)
            };
            waiter.woken(sleep).await;
            listening = waiter.is_subscribed();
        }
    }

    /// Takes the lock if it is free: `Err(ms left of the other)` inside `Ok` when it is not.
    async fn attempt(&self, name: &str, lease: Duration) -> Result<Result<Guard, i64>, LockError> {
        // A holder of its own for every attempt: an attempt whose answer was lost can't be counted twice.
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        let attempt = Guard::attempt(self, name, lease, format!("{}:{number}", self.0.process));
        let sent = Instant::now();
        let mut redis = self.0.commands.clone();
        // On an error the attempt is dropped armed: it may have been taken although the answer got lost.
        let answer = in_time(scripts::acquire(&mut redis, name, lease, attempt.holder())).await?;
        match answer {
            None => Ok(Ok(attempt.taken(sent))),
            Some(ttl) => {
                attempt.disarm();
                Ok(Err(ttl))
            }
        }
    }

    pub(crate) async fn unlock(
        &self,
        name: &str,
        lease: Duration,
        holder: &str,
    ) -> Result<bool, LockError> {
        let mut redis = self.0.commands.clone();
        in_time(scripts::unlock(&mut redis, name, lease, holder)).await
    }

    pub(crate) async fn renew(
        &self,
        name: &str,
        lease: Duration,
        holder: &str,
    ) -> Result<bool, LockError> {
        let mut redis = self.0.commands.clone();
        in_time(scripts::renew(&mut redis, name, lease, holder)).await
    }

    /// How many channels this process is waiting on; 0 when nobody waits.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.wakeups.channels()
    }
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, LockError> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(LockError::NoAnswer),
    }
}
