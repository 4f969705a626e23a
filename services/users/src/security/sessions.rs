//! Sessions in Redis. A session is what a login opens: it has one good refresh token at a time, and its end ends its access
//! tokens too, by a mark that the gateway asks for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mall_types::UserId;
use redis::aio::ConnectionManager;
use redis::{Script, pipe};

use super::redis_keys::{self as keys, StoreError, bounded};

/// What a refresh token was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was the session's good one; the new one is that now.
    Rotated,
    /// There is no such session (any more).
    Gone,
    /// It was used before, or the password has changed since: the session must end.
    Refused,
}

/// The sessions of everybody. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    redis: ConnectionManager,
    access_life: Duration,
    refresh_life: Duration,
}

/// One key, so that it runs on one node. A refused session is left without any good token at once: if ending it fails half
/// way, it can't be refreshed all the same.
const ROTATE: &str = r"
local s = redis.call('HMGET', KEYS[1], 'user', 'jti', 'credentials')
if not s[1] or s[1] ~= ARGV[1] then return 'gone' end
if s[2] ~= ARGV[2] or s[3] ~= ARGV[3] then
  redis.call('HSET', KEYS[1], 'jti', '')
  return 'refused'
end
redis.call('HSET', KEYS[1], 'jti', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 'rotated'
";

/// The session that changed the password goes on under the new one.
const KEEP: &str = r"
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'credentials', ARGV[1]) end
return 1
";

impl Sessions {
    /// `access_life` and `refresh_life` are those of the tokens.
    pub fn new(redis: ConnectionManager, access_life: Duration, refresh_life: Duration) -> Self {
        Self {
            redis,
            access_life,
            refresh_life,
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
        self.list(id, user, now).await?;
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
            .arg(millis(self.refresh_life))
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
        self.list(id, user, now).await?;
        let mut redis = self.redis.clone();
        let script = Script::new(ROTATE);
        let mut call = script.key(keys::session(id));
        call.arg(user.0)
            .arg(jti)
            .arg(credentials)
            .arg(new_jti)
            .arg(millis(self.refresh_life));
        let answer: String = bounded(call.invoke_async(&mut redis)).await?;
        Ok(match answer.as_str() {
            "rotated" => Rotation::Rotated,
            "refused" => Rotation::Refused,
            _ => Rotation::Gone,
        })
    }

    /// Ends a session: no token of it is good any more. Idempotent.
    pub async fn end(&self, id: &str, user: UserId) -> Result<(), StoreError> {
        let mut redis = self.redis.clone();
        let mut end = pipe();
        // A minute more than the longest life that an access token can have left, for clocks that are a little off.
        end.cmd("SET")
            .arg(keys::ended(id))
            .arg("1")
            .arg("PX")
            .arg(millis(self.access_life + Duration::from_secs(60)))
            .ignore()
            .cmd("DEL")
            .arg(keys::session(id))
            .ignore()
            .cmd("ZREM")
            .arg(keys::sessions_of(user))
            .arg(id)
            .ignore();
        bounded(end.query_async::<()>(&mut redis)).await
    }

    /// Ends all sessions of a user but one, which goes on under the password's version `credentials`. Idempotent.
    pub async fn end_others(
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
        let mut list = redis::cmd("ZRANGE");
        list.arg(keys::sessions_of(user)).arg(0).arg(-1);
        let sessions: Vec<String> = bounded(list.query_async(&mut redis)).await?;
        for id in sessions.iter().filter(|id| *id != keep) {
            self.end(id, user).await?;
        }
        Ok(())
    }

    async fn list(&self, id: &str, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut redis = self.redis.clone();
        let (now, life) = (now.timestamp_millis(), millis(self.refresh_life));
        let mut list = pipe();
        list.atomic()
            .cmd("ZADD")
            .arg(keys::sessions_of(user))
            .arg(now.saturating_add(life))
            .arg(id)
            .ignore()
            .cmd("ZREMRANGEBYSCORE")
            .arg(keys::sessions_of(user))
            .arg("-inf")
            .arg(now)
            .ignore()
            .cmd("PEXPIRE")
            .arg(keys::sessions_of(user))
            .arg(life)
            .ignore();
        bounded(list.query_async::<()>(&mut redis)).await
    }
}

fn millis(life: Duration) -> i64 {
    i64::try_from(life.as_millis()).unwrap_or(i64::MAX)
}
