//! Names in Redis, and what a Redis that is away means.

use std::time::Duration;

use mall_problem::{Problem, Text};
use mall_types::UserId;
use redis::{FromRedisValue, RedisError};

/// Longer than the connection's own timeouts: only a belt.
const LIMIT: Duration = Duration::from_secs(4);

/// Redis did not do it, or did not say so.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("redis: {0}")]
    Redis(#[from] RedisError),
    #[error("redis did not answer in time")]
    Timeout,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Problem::unavailable(
            "SESSION_STORE_UNAVAILABLE",
            Text::new(
                "잠시 후 다시 시도해 주세요.",
                "The session store is away for the moment; try again.",
            ),
        )
        .caused_by(error)
    }
}

pub async fn bounded<T: FromRedisValue>(
    answer: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(LIMIT, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(StoreError::Timeout),
    }
}

/// A hash: `user`, `credentials`, `jti` (the one good refresh token).
pub fn session(id: &str) -> String {
    format!("mall:session:{id}")
}

/// There while access tokens of an ended session could still be good. The gateway asks for it.
pub fn ended(id: &str) -> String {
    format!("mall:ended:{id}")
}

/// A sorted set of a user's session ids, by the time (ms) at which each is over at the latest.
pub fn sessions_of(user: UserId) -> String {
    format!("mall:sessions-of:{user}")
}

/// The user whom a verification key is for; named by the key's hash.
pub fn verification(hash: &str) -> String {
    format!("mall:verification:{hash}")
}

/// The hash of a user's newest verification key.
pub fn verification_of(user: UserId) -> String {
    format!("mall:verification-of:{user}")
}
