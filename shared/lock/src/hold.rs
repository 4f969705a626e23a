//! One hold of a lock, shared by all guards that one owner has of it: what Redis is told, and what is known of it here.
//!
//! Every command is sent by a task of its own under the hold's mutex: a caller that is dropped half-way can't tear a change
//! apart, and two changes can't overtake each other. A hold lives once: lost or let go of, the next acquisition has another
//! field in Redis, so that nothing late - a guard, a fenced change, a command on an old connection - can be taken for it.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use redis::RedisResult;
use redis::aio::ConnectionManager;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};

use crate::guard::Guard;
use crate::locks::LockError;
use crate::scripts::{self, Attempt};

/// No single question to Redis takes longer; the connection's own limits are usually shorter.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// How often a release that Redis did not take is tried again, until the lease is over.
const SETTLE_EVERY: Duration = Duration::from_millis(500);

pub struct Hold {
    redis: ConnectionManager,
    name: String,
    field: String,
    runtime: Handle,
    state: Mutex<State>,
    known: watch::Sender<Known>,
}

#[derive(Default)]
struct State {
    /// Guards alive: what Redis is to show.
    count: u32,
    /// Those among them that the watchdog renews for.
    watched: u32,
    /// The watchdog runs.
    watching: bool,
    /// The longest lease that any of the guards asked for.
    lease: Duration,
    /// Let go of, lost or uncertain: never to be entered again.
    over: bool,
}

/// What guards show without asking Redis.
#[derive(Clone, Copy)]
pub struct Known {
    /// Never later than Redis' own end.
    pub ends: Instant,
    /// Redis said that it is not ours any more.
    pub lost: bool,
}

/// How a guard wants to hold.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub lease: Duration,
    /// Renewed until the guard is gone.
    pub watched: bool,
    pub fenced: bool,
}

/// What came of trying to enter.
pub enum Entry {
    Held(Guard),
    /// Somebody else's for so many ms; negative when that has no end.
    Taken(i64),
    /// This hold is over; another one may be had.
    Over,
}

impl Hold {
    /// A hold to be entered; must be made inside a runtime, which then runs its commands.
    pub fn new(redis: ConnectionManager, name: &str, field: String) -> Arc<Self> {
        let known = Known {
            ends: Instant::now(),
            lost: false,
        };
        Arc::new(Self {
            redis,
            name: name.to_owned(),
            field,
            runtime: Handle::current(),
            state: Mutex::default(),
            known: watch::Sender::new(known),
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn field(&self) -> &str {
        &self.field
    }

    pub fn known(&self) -> watch::Receiver<Known> {
        self.known.subscribe()
    }

    pub fn known_now(&self) -> Known {
        *self.known.borrow()
    }

    /// Takes the lock, or one more hold of it. Dropped before the answer, the answer is undone.
    pub async fn enter(self: &Arc<Self>, terms: Terms) -> Result<Entry, LockError> {
        let hold = Arc::clone(self);
        finish(
            self.runtime
                .spawn(async move { hold.enter_now(terms).await }),
        )
        .await
    }

    async fn enter_now(self: Arc<Self>, terms: Terms) -> Result<Entry, LockError> {
        let mut state = self.state.lock().await;
        if state.over {
            return Ok(Entry::Over);
        }
        // The lease counts from before the attempt was sent: the local end is never later than Redis' own.
        let sent = Instant::now();
        let mut redis = self.redis.clone();
        let answer = in_time(scripts::acquire(
            &mut redis,
            &self.name,
            &self.field,
            terms.lease,
            state.count + 1,
            terms.fenced,
        ));
        match answer.await {
            Ok(Attempt::Held(token)) => {
                state.count += 1;
                state.lease = state.lease.max(terms.lease);
                self.lasts_at_least(sent, terms.lease);
                if terms.watched {
                    state.watched += 1;
                    if !std::mem::replace(&mut state.watching, true) {
                        tokio::spawn(watch_over(Arc::downgrade(&self), terms.lease));
                    }
                }
                drop(state);
                Ok(Entry::Held(Guard::new(self, token, terms)))
            }
            Ok(Attempt::Taken(ttl)) => Ok(Entry::Taken(ttl)),
            Ok(Attempt::Lost) => {
                self.is_lost(&mut state);
                Ok(Entry::Over)
            }
            Err(error) => {
                // It may have been taken although the answer got lost.
                self.lasts_at_least(sent, terms.lease);
                state.lease = state.lease.max(terms.lease);
                state.over |= state.count == 0;
                drop(state);
                self.settle_later();
                Err(error)
            }
        }
    }

    /// One guard less. `false`: the lock was not this holder's any more.
    pub async fn leave(self: Arc<Self>, terms: Terms) -> Result<bool, LockError> {
        let runtime = self.runtime.clone();
        finish(runtime.spawn(self.leave_now(terms))).await
    }

    /// The same without waiting for it, from any thread.
    pub fn leave_later(self: Arc<Self>, terms: Terms) {
        let runtime = self.runtime.clone();
        runtime.spawn(self.leave_now(terms));
    }

    async fn leave_now(self: Arc<Self>, terms: Terms) -> Result<bool, LockError> {
        let mut state = self.state.lock().await;
        state.count = state.count.saturating_sub(1);
        if terms.watched {
            state.watched = state.watched.saturating_sub(1);
        }
        state.over |= state.count == 0;
        let answer = self.tell(&mut state).await;
        drop(state);
        if let Err(error) = &answer {
            tracing::debug!(lock = self.name, error = %error, "could not let go of a lock; tried again until its lease ends");
            self.settle_later();
        }
        answer
    }

    /// Starts the lease anew, also a shorter one.
    pub async fn renew(self: &Arc<Self>, lease: Duration) -> Result<bool, LockError> {
        let hold = Arc::clone(self);
        let renewal = async move {
            let mut state = hold.state.lock().await;
            let ours = hold.renew_now(&mut state, lease, true).await?;
            if ours {
                state.lease = lease;
            }
            Ok(ours)
        };
        finish(self.runtime.spawn(renewal)).await
    }

    async fn renew_now(
        &self,
        state: &mut State,
        lease: Duration,
        exactly: bool,
    ) -> Result<bool, LockError> {
        let sent = Instant::now();
        let mut redis = self.redis.clone();
        let answer = scripts::renew(&mut redis, &self.name, &self.field, lease, exactly);
        let ours = in_time(answer).await?;
        if !ours {
            self.is_lost(state);
        } else if exactly {
            self.known
                .send_modify(|known| known.ends = after(sent, lease));
        } else {
            self.lasts_at_least(sent, lease);
        }
        Ok(ours)
    }

    /// Makes Redis show the count that is right here.
    async fn tell(&self, state: &mut State) -> Result<bool, LockError> {
        let mut redis = self.redis.clone();
        let answer = scripts::unlock(
            &mut redis,
            &self.name,
            &self.field,
            state.lease,
            state.count,
        );
        let ours = in_time(answer).await?;
        if !ours {
            self.is_lost(state);
        }
        Ok(ours)
    }

    /// After a command without an answer: tells Redis until it has heard, or until the lease has ended what there was.
    fn settle_later(self: Arc<Self>) {
        let runtime = self.runtime.clone();
        runtime.spawn(async move {
            loop {
                let mut state = self.state.lock().await;
                match self.tell(&mut state).await {
                    Err(error) if error.may_pass() => {}
                    _ => return,
                }
                drop(state);
                if self.known_now().ends <= Instant::now() {
                    return;
                }
                tokio::time::sleep(SETTLE_EVERY).await;
            }
        });
    }

    fn is_lost(&self, state: &mut State) {
        state.over = true;
        self.known.send_modify(|known| known.lost = true);
    }

    fn lasts_at_least(&self, sent: Instant, lease: Duration) {
        self.known
            .send_modify(|known| known.ends = known.ends.max(after(sent, lease)));
    }
}

/// Renews every third of the lease while a guard wants it and the lock is there. Holds nothing itself: the guards do.
async fn watch_over(hold: Weak<Hold>, lease: Duration) {
    loop {
        tokio::time::sleep(lease / 3).await;
        let Some(hold) = hold.upgrade() else { return };
        let mut state = hold.state.lock().await;
        if state.watched == 0 || state.over {
            state.watching = false;
            return;
        }
        match hold.renew_now(&mut state, lease, false).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(lock = hold.name, "a watched lock was lost");
                state.watching = false;
                return;
            }
            // Asked again at the next turn: the key may have outlived whatever it was.
            Err(error) => {
                tracing::debug!(lock = hold.name, error = %error, "could not renew a lock");
            }
        }
    }
}

/// `at + lease`, or as good as never.
pub fn after(at: Instant, lease: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    at.checked_add(lease.min(LONG)).unwrap_or(at)
}

pub async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, LockError> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(LockError::NoAnswer),
    }
}

/// A task that was cut off with its runtime has no answer.
async fn finish<T>(task: tokio::task::JoinHandle<Result<T, LockError>>) -> Result<T, LockError> {
    task.await.unwrap_or(Err(LockError::NoAnswer))
}
