//! Sessions. A session is what a login opens: it has one good refresh token at a time, which Redis knows, and its end ends its
//! access tokens too, by a mark in Redis that the gateway asks for. That it ended stands in MySQL, from where a Redis that has
//! lost its marks gets them again (`ended_marks`).

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use mall_db::{Db, TxError};
use mall_types::UserId;
use redis::aio::ConnectionManager;
use redis::{Pipeline, Script, pipe};

use super::redis_keys::{self as keys, StoreError, bounded};
use crate::store::sessions as rows;

/// What a refresh token was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was the session's good one; the new one is that now.
    Rotated,
    /// It was used up a moment ago, and the session goes on with what came of it: two windows refreshed at once.
    Raced,
    /// There is no such session (any more).
    Gone,
    /// It was used before, or the password has changed since: the session must end.
    Refused,
}

/// How long the tokens of a session are good, and what is made of an old one.
#[derive(Debug, Clone, Copy)]
pub struct Lives {
    pub access: Duration,
    pub refresh: Duration,
    /// How long a used refresh token shows a race and not a theft. It is good for nothing all the same, and when it comes again
    /// later its session ends.
    pub race: Duration,
}

impl Lives {
    /// How long a session's end must be known: a minute more than the longest life that an access token can have left, for
    /// clocks that are a little off.
    pub fn mark(self) -> Duration {
        self.access.saturating_add(Duration::from_secs(60))
    }
}

/// The sessions of everybody. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    pub(super) db: Db,
    pub(super) redis: ConnectionManager,
    pub(super) lives: Lives,
    /// Redis lacks a mark that MySQL has.
    pub(super) behind: Arc<AtomicBool>,
}

/// One key, so that it runs on one node. A refused session is left without any good token at once: if ending it fails half
/// way, it can't be refreshed all the same.
const ROTATE: &str = r"
local s = redis.call('HMGET', KEYS[1], 'user', 'jti', 'credentials', 'used', 'used_at')
if not s[1] or s[1] ~= ARGV[1] then return 'gone' end
if s[2] ~= ARGV[2] or s[3] ~= ARGV[3] then
  -- Without a sign: instances' clocks may differ a little.
  local age = math.abs(tonumber(ARGV[6]) - tonumber(s[5] or '0'))
  if s[2] ~= '' and s[3] == ARGV[3] and s[4] == ARGV[2] and age < tonumber(ARGV[7]) then return 'raced' end
  redis.call('HSET', KEYS[1], 'jti', '')
  return 'refused'
end
redis.call('HSET', KEYS[1], 'jti', ARGV[4], 'used', ARGV[2], 'used_at', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 'rotated'
";

/// The session that changed the password goes on under the new one.
const KEEP: &str = r"
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'credentials', ARGV[1]) end
return 1
";

impl Sessions {
    /// Neither MySQL nor Redis is asked for anything yet.
    pub fn new(db: Db, redis: ConnectionManager, lives: Lives) -> Self {
        Self {
            db,
            redis,
            lives,
            behind: Arc::default(),
        }
    }

    /// Opens a session whose good refresh token is `jti`. `credentials` is the number of the password's version.
    pub async fn open(
        &self,
        id: &str,
        user: UserId,
        credentials: i32,
        jti: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        // First the list of the user's sessions: one that is not in it could not be ended by a change of the password.
        self.go_on(id, user, now).await?;
        let mut redis = self.redis.clone();
        let mut open = pipe();
        open.atomic()
            .cmd("HSET")
            .arg(keys::session(id))
            .arg(&[
                ("user", user.to_string()),
                ("credentials", credentials.to_string()),
                ("jti", jti.to_owned()),
            ])
            .ignore()
            .cmd("PEXPIRE")
            .arg(keys::session(id))
            .arg(millis(self.lives.refresh))
            .ignore();
        bounded(open.query_async::<()>(&mut redis)).await
    }

    /// Uses up the refresh token `jti` for `new_jti`.
    pub async fn rotate(
        &self,
        id: &str,
        user: UserId,
        credentials: i32,
        jti: &str,
        new_jti: &str,
        now: DateTime<Utc>,
    ) -> Result<Rotation, StoreError> {
        let mut redis = self.redis.clone();
        // What nobody knows leaves no trace.
        let mut exists = redis::cmd("EXISTS");
        exists.arg(keys::session(id));
        if !bounded(exists.query_async::<bool>(&mut redis)).await? {
            return Ok(Rotation::Gone);
        }
        // A Redis that was restored from an older copy may hold a session that has ended.
        if self.go_on(id, user, now).await? {
            return Ok(Rotation::Gone);
        }
        let script = Script::new(ROTATE);
        let mut call = script.key(keys::session(id));
        call.arg(user.0)
            .arg(jti)
            .arg(credentials)
            .arg(new_jti)
            .arg(millis(self.lives.refresh))
            .arg(now.timestamp_millis())
            .arg(millis(self.lives.race));
        let answer: String = bounded(call.invoke_async(&mut redis)).await?;
        Ok(match answer.as_str() {
            "rotated" => Rotation::Rotated,
            "raced" => Rotation::Raced,
            "refused" => Rotation::Refused,
            _ => Rotation::Gone,
        })
    }

    /// Ends a session: no token of it is good any more. Idempotent. What fails is told, but does not keep the other from being
    /// done: a mark in Redis stops the session at once, the row in MySQL for good.
    pub async fn end(&self, id: &str, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let (id_of_row, over_at) = (Arc::<str>::from(id), now + self.lives.refresh);
        let written = self.db.run_tx("end_session", move |tx| {
            let id = Arc::clone(&id_of_row);
            Box::pin(async move { Ok(rows::end(tx, &id, user, now, over_at).await?) })
        });
        let written: Result<(), TxError<Infallible>> = written.await;
        let marked = self.mark([id]).await;
        written?;
        marked
    }

    /// Tells Redis about the ended sessions of a user, and that `keep` goes on under the password's version `credentials`.
    /// Idempotent.
    pub async fn mark_ended_of(
        &self,
        user: UserId,
        keep: &str,
        credentials: i32,
    ) -> Result<(), StoreError> {
        let mut redis = self.redis.clone();
        let script = Script::new(KEEP);
        let mut kept = script.key(keys::session(keep));
        kept.arg(credentials);
        bounded(kept.invoke_async::<i64>(&mut redis)).await?;
        let ended = self.db.read("ended_sessions_of", move |conn| {
            Box::pin(async move { Ok(rows::ended_of(conn, user).await?) })
        });
        let ended: Result<Vec<String>, TxError<Infallible>> = ended.await;
        self.mark(ended?.iter().map(String::as_str)).await
    }

    async fn mark(&self, ended: impl IntoIterator<Item = &str>) -> Result<(), StoreError> {
        let mut pipe = pipe();
        for id in ended {
            mark(&mut pipe, id, self.lives.mark());
        }
        if pipe.is_empty() {
            return Ok(());
        }
        let mut redis = self.redis.clone();
        let marked = bounded(pipe.query_async::<()>(&mut redis)).await;
        if marked.is_err() {
            self.behind.store(true, Ordering::Release);
        }
        marked
    }

    /// Writes down that the session is there for a refresh token's life; tells whether it has ended instead.
    async fn go_on(&self, id: &str, user: UserId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let (id, over_at) = (Arc::<str>::from(id), now + self.lives.refresh);
        let ended = self.db.run_tx("session_goes_on", move |tx| {
            let id = Arc::clone(&id);
            Box::pin(async move {
                rows::go_on(tx, &id, user, over_at).await?;
                Ok(rows::has_ended(tx, &id).await?)
            })
        });
        let ended: Result<bool, TxError<Infallible>> = ended.await;
        Ok(ended?)
    }
}

/// That a session has ended, for Redis.
pub(super) fn mark(pipe: &mut Pipeline, id: &str, life: Duration) {
    pipe.cmd("SET")
        .arg(keys::ended(id))
        .arg("1")
        .arg("PX")
        .arg(millis(life))
        .ignore()
        .cmd("DEL")
        .arg(keys::session(id))
        .ignore();
}

pub(super) fn millis(life: Duration) -> i64 {
    i64::try_from(life.as_millis()).unwrap_or(i64::MAX)
}
