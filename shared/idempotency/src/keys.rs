//! The rules: who may go on with a key, and what becomes of it.

use std::convert::Infallible;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use mall_clock::SharedClock;
use mall_db::{Db, TxError};
use mall_fault_points::FaultPoints;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::attempt::{Answer, Attempt, Claim};
use crate::store::{self, State};

/// How often expired keys are looked for, and how many go at a time.
const SWEEP_EVERY: Duration = Duration::from_secs(300);
const SWEEP_BATCH: u32 = 500;

/// How long things last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySettings {
    /// How long a key is remembered. After that it is a new one.
    pub ttl: Duration,
    /// How long an attempt is believed to run without a sign of life; it gives one every third of that.
    pub lease: Duration,
    /// How long a twin waits for the answer of the one that runs, before it is told to come again.
    pub wait: Duration,
}

impl Default for KeySettings {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(24 * 60 * 60),
            lease: Duration::from_secs(30),
            wait: Duration::from_secs(1),
        }
    }
}

/// The keys of a service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keys {
    db: Db,
    clock: SharedClock,
    pub(crate) settings: KeySettings,
    /// Where a test build can be made to die.
    pub(crate) faults: FaultPoints,
}

/// How a claim ended.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// The caller is to do the work.
    Begun(Attempt),
    /// It was done; this was the answer.
    Done(Answer),
    /// It is being done.
    Running,
    /// The key belongs to another request.
    Reused,
}

/// What becomes of a key whose handler has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The answer stays.
    Keep,
    /// Another attempt may follow.
    Free,
    /// Nothing was begun.
    Forget,
}

impl Verdict {
    pub(crate) fn of(status: u16, retry_after: bool) -> Verdict {
        match status {
            500.. => Verdict::Free,
            400 | 401 | 403 | 405 | 413 | 414 | 415 | 422 | 429 | 431 => Verdict::Forget,
            // Whoever says when to come again has not decided yet.
            _ if retry_after => Verdict::Free,
            _ => Verdict::Keep,
        }
    }
}

impl Keys {
    /// The keys in the table [`crate::TABLE_SQL`] of this schema.
    pub fn new(db: Db, clock: SharedClock, settings: KeySettings) -> Self {
        Self {
            db,
            clock,
            settings,
            faults: FaultPoints::from_env(),
        }
    }

    /// Takes a key, or says why not.
    pub(crate) async fn claim(
        &self,
        caller: i64,
        key_hash: [u8; 32],
        fingerprint: [u8; 32],
    ) -> Result<Claimed, TxError<Infallible>> {
        let claim = Arc::new(Claim {
            caller,
            key_hash,
            attempt: Uuid::new_v4(),
            recorded: Mutex::new(None),
        });
        let (keys, effect) = (self.clone(), Uuid::new_v4());
        self.db
            .run_autocommit("idempotency_claim", move |conn| {
                let (keys, claim) = (keys.clone(), Arc::clone(&claim));
                Box::pin(async move { Ok(keys.claim_on(conn, claim, effect, fingerprint).await?) })
            })
            .await
    }

    /// May run again after a lost connection: its own row is known by the attempt's number.
    async fn claim_on(
        &self,
        conn: &mut sqlx::MySqlConnection,
        claim: Arc<Claim>,
        effect: Uuid,
        fingerprint: [u8; 32],
    ) -> Result<Claimed, sqlx::Error> {
        let begun = |effect, repeated| {
            Claimed::Begun(Attempt {
                effect,
                repeated,
                claim: Arc::clone(&claim),
            })
        };
        // Each turn but the last one lost a race, which another attempt has won.
        for _ in 0..8 {
            let now = self.clock.now();
            let until = now + delta(self.settings.lease);
            if store::insert(conn, &claim, effect, fingerprint, now, until).await? {
                return Ok(begun(effect, false));
            }
            let Some(row) = store::find(conn, &claim).await? else {
                continue;
            };
            if row.attempt == claim.attempt.to_string() {
                return Ok(begun(row.effect, row.effect != effect));
            }
            let alive = row.state == State::Running && row.locked_until > now;
            if !alive && row.created_at + delta(self.settings.ttl) <= now {
                store::remove_expired(conn, &claim, &row).await?;
                continue;
            }
            if row.fingerprint != fingerprint {
                return Ok(Claimed::Reused);
            }
            match (row.state, &row.answer) {
                (State::Done, Some(answer)) => return Ok(Claimed::Done(answer.clone())),
                (State::Running, _) if alive => return Ok(Claimed::Running),
                _ => {
                    if store::take_over(conn, &claim, &row, until).await? {
                        return Ok(begun(row.effect, true));
                    }
                }
            }
        }
        Ok(Claimed::Running)
    }

    /// Settles a key after its handler. `false`: another attempt has taken it over.
    pub(crate) async fn settle(
        &self,
        attempt: &Attempt,
        verdict: Verdict,
        answer: Answer,
    ) -> Result<bool, TxError<Infallible>> {
        let claim = Arc::clone(&attempt.claim);
        // What an earlier attempt may have begun is not forgotten because this one was refused at the door.
        let verdict = match verdict {
            Verdict::Forget if attempt.repeated => Verdict::Free,
            other => other,
        };
        self.db
            .run_autocommit("idempotency_settle", move |conn| {
                let (claim, verdict, answer) =
                    (Arc::clone(&claim), verdict.clone(), answer.clone());
                Box::pin(async move {
                    Ok(match verdict {
                        Verdict::Keep => store::complete(conn, &claim, &answer).await?,
                        Verdict::Free => store::free(conn, &claim).await?,
                        Verdict::Forget => store::forget(conn, &claim).await?,
                    })
                })
            })
            .await
    }

    /// Gives signs of life for ever.
    pub(crate) async fn keep_alive(&self, attempt: &Attempt) -> Infallible {
        loop {
            tokio::time::sleep(self.settings.lease / 3).await;
            let (claim, until) = (
                Arc::clone(&attempt.claim),
                self.clock.now() + delta(self.settings.lease),
            );
            let renewed: Result<bool, TxError<Infallible>> = self
                .db
                .run_autocommit("idempotency_renew", move |conn| {
                    let claim = Arc::clone(&claim);
                    Box::pin(async move { Ok(store::renew(conn, &claim, until).await?) })
                })
                .await;
            if let Err(error) = renewed {
                tracing::warn!(error = %error, "the lease of an idempotency key could not be renewed");
            }
        }
    }

    /// Removes expired keys, `batch` at most, and says how many. Safe in several replicas at once.
    ///
    /// # Errors
    /// Of the database.
    pub async fn sweep(&self, batch: u32) -> Result<u64, TxError<Infallible>> {
        let now = self.clock.now();
        let before = now - delta(self.settings.ttl);
        self.db
            .run_autocommit("idempotency_sweep", move |conn| {
                Box::pin(async move { Ok(store::sweep(conn, before, now, batch).await?) })
            })
            .await
    }

    /// Removes expired keys every few minutes until `stop`.
    pub fn run_sweeper(
        &self,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + 'static {
        let keys = self.clone();
        async move {
            while !stop.is_cancelled() {
                match keys.sweep(SWEEP_BATCH).await {
                    // There may be more.
                    Ok(removed) if removed == u64::from(SWEEP_BATCH) => continue,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(error = %error, "expired idempotency keys could not be removed");
                    }
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(SWEEP_EVERY) => {}
                }
            }
        }
    }
}

fn delta(span: Duration) -> TimeDelta {
    TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definite_answers_stay_and_others_don_t() {
        for status in [200, 201, 204, 404, 406, 409, 410] {
            assert_eq!(Verdict::of(status, false), Verdict::Keep, "{status}");
        }
        for status in [500, 502, 503, 504] {
            assert_eq!(Verdict::of(status, true), Verdict::Free, "{status}");
            assert_eq!(Verdict::of(status, false), Verdict::Free, "{status}");
        }
        for status in [400, 401, 403, 405, 413, 415, 422, 429] {
            assert_eq!(Verdict::of(status, false), Verdict::Forget, "{status}");
        }
        assert_eq!(Verdict::of(409, true), Verdict::Free);
        assert_eq!(Verdict::of(404, true), Verdict::Free);
    }
}
