//! A held lock.

use std::time::{Duration, Instant};

use crate::locks::{LockError, Locks};

/// A lock that this process holds, until [`Guard::release`], the end of the lease, or - as a last resort - its drop.
///
/// Dropping it sends a release in the background that nobody waits for. Correctness never depends on it.
#[derive(Debug)]
#[must_use = "a guard that is dropped lets go of the lock"]
pub struct Guard {
    /// `None` once released.
    locks: Option<Locks>,
    name: String,
    holder: String,
    lease: Duration,
    ends: Instant,
}

impl Guard {
    /// A guard for an attempt about to be made: dropped before [`Guard::taken`], it lets go of what the attempt may have
    /// taken unseen.
    pub(crate) fn attempt(locks: &Locks, name: &str, lease: Duration, holder: String) -> Self {
        Self {
            locks: Some(locks.clone()),
            name: name.to_owned(),
            holder,
            lease,
            ends: Instant::now() + lease,
        }
    }

    /// The lease counts from before the attempt was sent: the local end is never later than Redis' own.
    pub(crate) fn taken(mut self, sent: Instant) -> Self {
        self.ends = sent + self.lease;
        self
    }

    /// The attempt took nothing: there is nothing to let go of.
    pub(crate) fn disarm(mut self) -> String {
        self.locks = None;
        std::mem::take(&mut self.holder)
    }

    /// The lock's name, which is its key in Redis.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field of the lock's hash that stands for this acquisition and no other: what a fence looks for.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// How much of the lease is left by this process' own clock; zero when it has run out.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    /// Starts the lease anew. `false`: the lock is not this holder's any more.
    ///
    /// # Errors
    /// [`LockError::Redis`] when Redis did not answer; the lock may or may not have been renewed.
    pub async fn renew(&mut self, lease: Duration) -> Result<bool, LockError> {
        let Some(locks) = &self.locks else {
            return Ok(false);
        };
        let sent = Instant::now();
        let ours = locks.renew(&self.name, lease, &self.holder).await?;
        if ours {
            self.lease = lease;
            self.ends = sent + lease;
        }
        Ok(ours)
    }

    /// Lets go. `false`: the lock was not this holder's any more (its lease had run out, or Redis was emptied), so whatever
    /// was done under it and not fenced may have met somebody else's work.
    ///
    /// # Errors
    /// [`LockError::Redis`] when Redis did not answer; the lease ends the lock then.
    pub async fn release(mut self) -> Result<bool, LockError> {
        // Taken only after the answer: a release that is dropped or fails half-way is tried once more by the drop.
        let Some(locks) = self.locks.clone() else {
            return Ok(false);
        };
        let ours = locks.unlock(&self.name, self.lease, &self.holder).await?;
        self.locks = None;
        Ok(ours)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(locks) = self.locks.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (name, holder, lease) = (
            std::mem::take(&mut self.name),
            std::mem::take(&mut self.holder),
            self.lease,
        );
        runtime.spawn(async move {
            if let Err(error) = locks.unlock(&name, lease, &holder).await {
                tracing::debug!(lock = name, error = %error, "could not let go of a dropped lock; its lease ends it");
            }
        });
    }
}
