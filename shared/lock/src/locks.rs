//! Taking a lock, and waiting for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use redis::aio::ConnectionManager;
use redis::{Client, RedisError};

use crate::guard::Guard;
use crate::hold::{Entry, Hold, Terms, after, in_time};
use crate::scripts;
use crate::wakeup::Wakeups;

/// How often a waiter looks for itself while the subscription connection is away.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Redisson's `lockWatchdogTimeout`.
const WATCHDOG_LEASE: Duration = Duration::from_secs(30);

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

impl LockError {
    /// Worth asking again: Redis is away or starting.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Timeout => false,
            Self::NoAnswer => true,
            Self::Redis(error) => {
                error.is_io_error()
                    || error.is_connection_dropped()
                    || matches!(error.code(), Some("LOADING" | "TRYAGAIN" | "MASTERDOWN"))
            }
        }
    }
}

/// The locks of one Redis, as one process sees them. Cheap to clone; clones share the process id and the subscription.
#[derive(Clone)]
pub struct Locks {
    inner: Arc<Inner>,
    watchdog: Duration,
}

struct Inner {
    commands: ConnectionManager,
    process: String,
    next: AtomicU64,
    wakeups: Wakeups,
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks")
            .field("process", &self.inner.process)
            .finish_non_exhaustive()
    }
}

impl Locks {
    /// Sends commands over `commands`; `client` opens the subscription connection when the first waiter needs it.
    #[must_use]
    pub fn new(client: Client, commands: ConnectionManager) -> Self {
        let inner = Inner {
            commands,
            process: uuid::Uuid::new_v4().to_string(),
            next: AtomicU64::new(1),
            wakeups: Wakeups::new(client),
        };
        Self {
            inner: Arc::new(inner),
            watchdog: WATCHDOG_LEASE,
        }
    }

    /// The lease that the watchdog renews every third of, in place of 30 s: how long a lock outlives a process that dies.
    #[must_use]
    pub fn with_watchdog(mut self, lease: Duration) -> Self {
        self.watchdog = lease.max(Duration::from_millis(3));
        self
    }

    /// Takes the lock `name` for at most `lease`, waiting at most `wait` for whoever has it. Short for
    /// [`Locks::request`] with both.
    ///
    /// Safe to drop at any moment.
    ///
    /// # Errors
    /// As [`Request::acquire`].
    pub async fn acquire(
        &self,
        name: &str,
        wait: Duration,
        lease: Duration,
    ) -> Result<Guard, LockError> {
        self.request(name).wait(wait).lease(lease).acquire().await
    }

    /// A request for the lock `name` by an owner of its own, which nobody else can re-enter.
    pub fn request<'a>(&self, name: &'a str) -> Request<'a> {
        self.owner().request(name)
    }

    /// Somebody new who may hold locks, each more than once.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner {
            locks: self.clone(),
            holds: Arc::default(),
        }
    }

    /// Frees the lock whoever holds it - Redisson too - and wakes a waiter; `false` when nobody did. For people who repair.
    ///
    /// # Errors
    /// When Redis did not answer; it may have been freed.
    pub async fn force_unlock(&self, name: &str) -> Result<bool, LockError> {
        let mut redis = self.inner.commands.clone();
        in_time(scripts::force_unlock(&mut redis, name)).await
    }

    /// Whether anybody holds the lock at this moment; it may be otherwise when the answer is here.
    ///
    /// # Errors
    /// When Redis did not answer.
    pub async fn is_locked(&self, name: &str) -> Result<bool, LockError> {
        Ok(self.remaining(name).await?.is_some())
    }

    /// How long the lock's present holder has it for; `None` when it is free, [`Duration::MAX`] when that has no end.
    ///
    /// # Errors
    /// When Redis did not answer.
    pub async fn remaining(&self, name: &str) -> Result<Option<Duration>, LockError> {
        let mut redis = self.inner.commands.clone();
        let ttl = in_time(scripts::remaining(&mut redis, name)).await?;
        Ok(ttl.map(|ms| u64::try_from(ms).map_or(Duration::MAX, Duration::from_millis)))
    }

    /// How many channels this process is waiting on; 0 when nobody waits.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.wakeups.channels()
    }
}

/// Who holds locks: what a thread is to Redisson. Cheap to clone; clones are the same owner and may share its locks.
///
/// An owner that acquires a lock it holds has it at once, once more; the lock is free when all its guards are.
#[derive(Clone)]
pub struct Owner {
    locks: Locks,
    /// By name; the guards keep them alive.
    holds: Arc<Mutex<HashMap<String, Weak<Hold>>>>,
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner").finish_non_exhaustive()
    }
}

impl Owner {
    /// [`Owner::request`] with a wait and a lease.
    ///
    /// # Errors
    /// As [`Request::acquire`].
    pub async fn acquire(
        &self,
        name: &str,
        wait: Duration,
        lease: Duration,
    ) -> Result<Guard, LockError> {
        self.request(name).wait(wait).lease(lease).acquire().await
    }

    /// A request for the lock `name`, or for one more hold of it.
    pub fn request<'a>(&self, name: &'a str) -> Request<'a> {
        Request {
            owner: self.clone(),
            name,
            wait: Duration::ZERO,
            lease: None,
            fenced: false,
        }
    }

    /// The hold to enter: the one there is unless it is over.
    fn hold_of(&self, name: &str, over: Option<&Arc<Hold>>) -> Arc<Hold> {
        let mut holds = self.holds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hold) = holds.get(name).and_then(Weak::upgrade)
            && !over.is_some_and(|over| Arc::ptr_eq(over, &hold))
        {
            return hold;
        }
        holds.retain(|_, hold| hold.strong_count() > 0);
        let inner = &self.locks.inner;
        let number = inner.next.fetch_add(1, Ordering::Relaxed);
        let field = format!("{}:{number}", inner.process);
        let hold = Hold::new(inner.commands.clone(), name, field);
        holds.insert(name.to_owned(), Arc::downgrade(&hold));
        hold
    }

    async fn attempt(&self, name: &str, terms: Terms) -> Result<Result<Guard, i64>, LockError> {
        let mut hold = self.hold_of(name, None);
        loop {
            match hold.enter(terms).await? {
                Entry::Held(guard) => return Ok(Ok(guard)),
                Entry::Taken(ttl) => return Ok(Err(ttl)),
                Entry::Over => hold = self.hold_of(name, Some(&hold)),
            }
        }
    }
}

/// What is asked of a lock. Without more: no waiting, kept by the watchdog, no token.
#[derive(Debug)]
#[must_use = "nothing is asked before `acquire`"]
pub struct Request<'a> {
    owner: Owner,
    name: &'a str,
    wait: Duration,
    lease: Option<Duration>,
    fenced: bool,
}

impl Request<'_> {
    /// Waits so long, at most, for whoever has it.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Holds it so long, at most; nothing renews it but [`Guard::renew`]. A re-entry never shortens what there is. Without
    /// this the watchdog renews while the guard lives.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// With a [`Guard::token`], as Redisson's fenced lock: one more key in Redis, `redisson_lock_token:{name}`, without end.
    pub fn fenced(mut self) -> Self {
        self.fenced = true;
        self
    }

    /// Takes the lock. Safe to drop at any moment: no waiter and no hold is left behind.
    ///
    /// # Errors
    /// [`LockError::Timeout`] when it was not to be had in time. Else Redis was the trouble: at once when the first question
    /// fails; one who waits already goes on asking until the wait is over. Nothing is held then: what may have been taken
    /// unseen is let go of in the background, or by the lease.
    pub async fn acquire(self) -> Result<Guard, LockError> {
        let terms = Terms {
            lease: self.lease.unwrap_or(self.owner.locks.watchdog),
            watched: self.lease.is_none(),
            fenced: self.fenced,
        };
        let give_up = after(Instant::now(), self.wait);
        let left = || give_up.saturating_duration_since(Instant::now());
        if let Ok(guard) = self.owner.attempt(self.name, terms).await? {
            return Ok(guard);
        }
        if self.wait.is_zero() {
            return Err(LockError::Timeout);
        }
        let channel = scripts::channel_of(self.name);
        let mut waiter = self.owner.locks.inner.wakeups.wait_on(&channel);
        // Asked again once the subscription stands: a release between the first look and the subscription woke nobody.
        let mut listening = waiter.subscribed(left().min(LOOK_EVERY)).await;
        loop {
            // How long the other one has it for, and what to say when the time is over.
            let (ttl, why) = match self.owner.attempt(self.name, terms).await {
                Ok(Ok(guard)) => {
                    waiter.settle();
                    return Ok(guard);
                }
                Ok(Err(ttl)) => (ttl, LockError::Timeout),
                Err(error) if error.may_pass() => {
                    listening = false;
                    (0, error)
                }
                Err(error) => return Err(error),
            };
            let left = left();
            if left.is_zero() {
                waiter.settle();
                return Err(why);
            }
            let sleep = match (&why, u64::try_from(ttl)) {
                (LockError::Timeout, Ok(ms)) => left.min(Duration::from_millis(ms.max(1))),
                // A lock without an end (-1) is waited for until it is let go of.
                (LockError::Timeout, Err(_)) => left,
                _ => left.min(LOOK_EVERY),
            };
            if listening {
                waiter.woken(sleep).await;
            } else {
                waiter.woken(sleep.min(LOOK_EVERY)).await;
            }
            listening = waiter.is_subscribed();
        }
    }
}
