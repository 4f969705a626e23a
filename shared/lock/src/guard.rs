//! A held lock.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hold::{Hold, Terms};
use crate::locks::LockError;

/// One hold of a lock, until [`Guard::release`], the end of the lease, or - as a last resort - its drop.
///
/// Dropping it sends a release in the background that nobody waits for. Correctness never depends on it.
#[must_use = "a guard that is dropped lets go of the lock"]
pub struct Guard {
    hold: Arc<Hold>,
    token: Option<i64>,
    terms: Terms,
    /// Let go of already, or about to be.
    left: bool,
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("name", &self.name())
            .field("holder", &self.holder())
            .field("token", &self.token)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

impl Guard {
    pub(crate) fn new(hold: Arc<Hold>, token: Option<i64>, terms: Terms) -> Self {
        Self {
            hold,
            token,
            terms,
            left: false,
        }
    }

    /// The lock's name, which is its key in Redis.
    #[must_use]
    pub fn name(&self) -> &str {
        self.hold.name()
    }

    /// The field of the lock's hash that stands for this hold and no other: what a fence in Redis looks for. Guards of one
    /// owner that re-entered share it; a hold that was lost and taken anew has another.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.hold.field()
    }

    /// The fencing token of a [`crate::Request::fenced`] acquisition: greater than that of every earlier one of this name,
    /// for as long as Redis keeps its data. What a fence outside Redis compares.
    #[must_use]
    pub fn token(&self) -> Option<i64> {
        self.token
    }

    /// How much of the lease is left by this process' own clock; zero when it has run out or the lock is known to be lost.
    /// With the watchdog: until then it would have to renew.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let known = self.hold.known_now();
        if known.lost {
            return Duration::ZERO;
        }
        known.ends.saturating_duration_since(Instant::now())
    }

    /// Redis said that the lock is not this holder's any more, or the lease has run out by this process' own clock.
    /// `false` is no promise: ask the fence.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.remaining().is_zero()
    }

    /// Returns when [`Guard::is_lost`]: for work that is to be broken off then, in a `select!`.
    pub async fn lost(&self) {
        let mut changes = self.hold.known();
        loop {
            let known = *changes.borrow_and_update();
            if known.lost || known.ends <= Instant::now() {
                return;
            }
            // The hold, and with it the sender, lives as long as this guard.
            let _ = tokio::time::timeout_at(known.ends.into(), changes.changed()).await;
        }
    }

    /// Starts the lease anew, a shorter one too. `false`: the lock is not this holder's any more.
    ///
    /// # Errors
    /// [`LockError::Redis`] or [`LockError::NoAnswer`]; the lock may or may not have been renewed.
    pub async fn renew(&mut self, lease: Duration) -> Result<bool, LockError> {
        self.hold.renew(lease).await
    }

    /// Lets go of this hold; of the lock, when it was the owner's last one. `false`: the lock was not this holder's any more
    /// (its lease had run out, or Redis was emptied), so whatever was done under it and not fenced may have met somebody
    /// else's work.
    ///
    /// Once called it is done to the end, also when the returned future is dropped.
    ///
    /// # Errors
    /// [`LockError::Redis`] or [`LockError::NoAnswer`] when Redis did not answer; it is tried again in the background until
    /// the lease ends the lock.
    pub async fn release(mut self) -> Result<bool, LockError> {
        self.left = true;
        Arc::clone(&self.hold).leave(self.terms).await
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.left {
            Arc::clone(&self.hold).leave_later(self.terms);
        }
    }
}
