//! Names in Redis, and what a Redis that is away means.

use std::convert::Infallible;
use std::time::Duration;

use mall_db::TxError;
use mall_problem::{Problem, Text};
use mall_types::UserId;
use redis::{FromRedisValue, RedisError};

/// Longer than the connection's own timeouts: only a belt.
const LIMIT: Duration = Duration::from_secs(4);

/// Redis did not do it, or did not say so; or MySQL, where it holds the same.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("redis: {0}")]
    Redis(#[from] RedisError),
    #[error("redis did not answer in time")]
    Timeout,
    #[error("{0}")]
    Database(#[from] TxError<Infallible>),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let StoreError::Database(error) = error {
            return Problem::from(error);
        }
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

/// A hash: `user`, `credentials`, `jti` (the one good refresh token), `used` and `used_at` (ms; the one before).
pub fn session(id: &str) -> String {
    format!("mall:session:{id}")
}

/// There while access tokens of an ended session could still be good. The gateway asks for it.
pub fn ended(id: &str) -> String {
    format!("mall:ended:{id}")
}

/// There while every mark of [`ended`] that should be there is. Without it the gateway lets nobody in.
pub const READY: &str = "mall:sessions:ready";

/// There while marks are being brought; whatever empties Redis meanwhile takes it away.
pub fn loading(id: &str) -> String {
    format!("mall:sessions:loading:{id}")
}

/// The user whom a verification key is for; named by the key's hash.
pub fn verification(hash: &str) -> String {
    format!("mall:verification:{hash}")
}

/// The hash of a user's newest verification key.
pub fn verification_of(user: UserId) -> String {
    format!("mall:verification-of:{user}")
}

/// How often a mail to an address was asked for; named by the keyed hash of the address.
pub fn mails_to(index: &str) -> String {
    format!("mall:mails-to:{index}")
}
