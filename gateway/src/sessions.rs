//! Which sessions were ended. Logging out ends a token at once, everywhere: the users service leaves a mark in Redis,
//! and the gateway looks for it before every call that needs a token.

use crate::messages;
use mall_problem::Problem;
use redis::aio::ConnectionManager;
use std::time::Duration;

/// Asks Redis, one round trip per question over one shared connection.
pub struct Sessions {
    redis: ConnectionManager,
    timeout: Duration,
}

impl Sessions {
    pub fn new(redis: ConnectionManager, timeout: Duration) -> Self {
        Self { redis, timeout }
    }

    /// 401 for an ended session; 503 when nobody can tell, because a stolen token must not live on a broken Redis.
    pub async fn check(&self, session: &str) -> Result<(), Problem> {
        let mut redis = self.redis.clone();
        let mut question = redis::cmd("EXISTS");
        question.arg(format!("mall:ended:{session}"));
        match tokio::time::timeout(self.timeout, question.query_async::<bool>(&mut redis)).await {
            Ok(Ok(false)) => Ok(()),
            Ok(Ok(true)) => Err(Problem::unauthenticated(
                "SESSION_ENDED",
                messages::SESSION_ENDED,
            )),
            Ok(Err(error)) => Err(away().caused_by(error)),
            Err(late) => Err(away().caused_by(late)),
        }
    }
}

fn away() -> Problem {
    Problem::unavailable("SESSION_CHECK_UNAVAILABLE", messages::SESSIONS_AWAY)
}
