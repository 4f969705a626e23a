//! Redis may lose its marks of ended sessions: it was emptied, it started without its file, a replica that lagged took over. Here
//! they are brought again from MySQL. [`keys::READY`] says that they are all there; it goes with them, and the gateway lets
//! nobody in without it.
//!
//! Every instance does this: it is the same whoever does it and how often.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mall_clock::SharedClock;
use mall_db::TxError;
use redis::{Script, pipe};
use tokio_util::sync::CancellationToken;

use super::redis_keys::{self as keys, StoreError, bounded};
use super::sessions::{Sessions, mark, millis};
use crate::store::sessions as rows;

/// How long a Redis without its marks keeps people out, about.
const LOOK: Duration = Duration::from_millis(500);
/// In looks: what ended lately is told again, for a replica that took over and lagged.
const AGAIN: u64 = 10;
const LATELY: TimeDelta = TimeDelta::minutes(1);
/// In looks: what is over is forgotten.
const SWEEP: u64 = 240;
/// Rows and keys in one go.
const BATCH: u32 = 1000;
/// Longer than bringing all marks takes.
const LOADING: Duration = Duration::from_secs(60);

/// Only one that has seen no emptying since it began: the marks that it brought are there.
const PUBLISH: &str = r"
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
redis.call('SET', KEYS[2], '1')
return 1
";

/// Keeps the marks in Redis. Cheap to clone.
#[derive(Clone)]
pub struct EndedMarks {
    sessions: Sessions,
    clock: SharedClock,
}

impl EndedMarks {
    /// Nothing runs yet.
    pub fn new(sessions: Sessions, clock: SharedClock) -> Self {
        Self { sessions, clock }
    }

    /// Looks after the marks until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        // What happened before we were there is not known.
        let behind = &self.sessions.behind;
        behind.store(true, Ordering::Release);
        let mut failing = false;
        for turn in 0_u64.. {
            match self.turn(turn).await {
                Ok(()) => failing = false,
                Err(error) => {
                    behind.store(true, Ordering::Release);
                    if !failing {
                        tracing::warn!(error = %error, "the marks of ended sessions can't be kept in Redis");
                    }
                    failing = true;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn turn(&self, turn: u64) -> Result<(), StoreError> {
        let now = self.clock.now();
        let ready = self.ready().await?;
        if self.sessions.behind.swap(false, Ordering::AcqRel) || !ready {
            self.bring_all().await?;
        } else if turn.is_multiple_of(AGAIN) {
            self.bring(now, now - LATELY).await?;
        }
        if turn % SWEEP == SWEEP - 1 {
            self.sweep().await?;
        }
        Ok(())
    }

    async fn ready(&self) -> Result<bool, StoreError> {
        let mut redis = self.sessions.redis.clone();
        let mut exists = redis::cmd("EXISTS");
        exists.arg(keys::READY);
        bounded(exists.query_async(&mut redis)).await
    }

    /// Brings all marks, and says that they are there. The order is what makes it right. Whoever ends a session writes to MySQL
    /// first and to Redis then: an end that is not in what is read here comes to Redis after the loading key, and an emptying
    /// after that key is noticed.
    pub async fn bring_all(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut redis = self.sessions.redis.clone();
        let loading = keys::loading(&uuid::Uuid::new_v4().simple().to_string());
        let mut begin = redis::cmd("SET");
        begin.arg(&loading).arg("1").arg("PX").arg(millis(LOADING));
        bounded(begin.query_async::<()>(&mut redis)).await?;
        let brought = self.bring(now, now - self.sessions.lives.mark()).await?;
        let script = Script::new(PUBLISH);
        let mut publish = script.key(&loading);
        publish.key(keys::READY);
        let published: bool = bounded(publish.invoke_async(&mut redis)).await?;
        if published {
            tracing::info!(ended = brought, "Redis knows which sessions have ended");
        } else {
            // Emptied once more meanwhile.
            self.sessions.behind.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Marks what ended after `since`; tells how many there were.
    async fn bring(&self, now: DateTime<Utc>, since: DateTime<Utc>) -> Result<usize, StoreError> {
        let ended = self.sessions.db.read("ended_sessions", move |conn| {
            Box::pin(async move { Ok(rows::ended_since(conn, since).await?) })
        });
        let ended: Result<Vec<(String, DateTime<Utc>)>, TxError<Infallible>> = ended.await;
        let ended = ended?;
        let mut redis = self.sessions.redis.clone();
        for batch in ended.chunks(BATCH as usize) {
            let mut marks = pipe();
            for (id, ended_at) in batch {
                let left = (*ended_at + self.sessions.lives.mark() - now).to_std();
                mark(&mut marks, id, left.unwrap_or_default().max(LOOK));
            }
            bounded(marks.query_async::<()>(&mut redis)).await?;
        }
        Ok(ended.len())
    }

    /// Forgets sessions of which no token is good any more.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        loop {
            let swept = self.sessions.db.run_tx("sweep_sessions", move |tx| {
                Box::pin(async move { Ok(rows::sweep(tx, now, BATCH).await?) })
            });
            let swept: Result<u64, TxError<Infallible>> = swept.await;
            if swept? < u64::from(BATCH) {
                return Ok(());
            }
        }
    }
}
