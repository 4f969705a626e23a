//! Limits on the calls that cost much or invite guessing: sign-up, log-in and the repeated mail.
//!
//! One token bucket per client address and a wider one for everybody together, both in Redis so that replicas share
//! them, taken in one round trip. Without Redis each replica falls back to buckets of its own: a limit that is too wide
//! for a while is better than a shop that nobody can enter.

mod local;

use crate::client_address::household;
use http::Method;
use local::LocalBuckets;
use redis::aio::ConnectionManager;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// One bucket's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Tokens that come back in a minute, at least 1.
    pub per_minute: u32,
    /// Tokens of a full bucket, at least 1.
    pub burst: u32,
}

/// The buckets of one kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// For one client address.
    pub client: Limit,
    /// For everybody together.
    pub everybody: Limit,
}

/// The limited kinds of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limited {
    Signup,
    Login,
    Resend,
}

impl Limited {
    /// Whether this call is a limited one.
    pub fn of(method: &Method, path: &str) -> Option<Self> {
        match path {
            "/auth/signup" if method == Method::POST => Some(Self::Signup),
            "/auth/login" if method == Method::POST => Some(Self::Login),
            "/auth/resendEmail" if method == Method::PUT => Some(Self::Resend),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::Login => "login",
            Self::Resend => "resend",
        }
    }
}

/// The rules by kind.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub signup: Rule,
    pub login: Rule,
    pub resend: Rule,
}

impl Rules {
    fn of(&self, kind: Limited) -> Rule {
        match kind {
            Limited::Signup => self.signup,
            Limited::Login => self.login,
            Limited::Resend => self.resend,
        }
    }
}

/// Says yes, or when to come again.
pub struct RateLimiter {
    rules: Rules,
    redis: Option<ConnectionManager>,
    timeout: Duration,
    script: redis::Script,
    local: LocalBuckets,
}

impl RateLimiter {
    /// `timeout` bounds the round trip to Redis, after which the local buckets decide.
    pub fn new(rules: Rules, redis: Option<ConnectionManager>, timeout: Duration) -> Self {
        let script = redis::Script::new(include_str!("rate_limit.lua"));
        Self {
            rules,
            redis,
            timeout,
            script,
            local: LocalBuckets::default(),
        }
    }

    /// Takes one token; `Err` holds the time until it is worth trying again.
    pub async fn take(&self, kind: Limited, client: IpAddr) -> Result<(), Duration> {
        let rule = self.rules.of(kind);
        let client = household(client);
        let wait = match self.take_in_redis(kind, rule, client).await {
            Some(wait) => wait,
            None => self.local.take(kind, rule, client, Instant::now()),
        };
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    async fn take_in_redis(&self, kind: Limited, rule: Rule, client: IpAddr) -> Option<Duration> {
        let mut redis = self.redis.clone()?;
        // One hash tag per kind: both buckets of a call live in one slot.
        let name = kind.name();
        let mut call = self.script.prepare_invoke();
        call.key(format!("mall:rate:{{{name}}}:{client}"))
            .key(format!("mall:rate:{{{name}}}:all"));
        for limit in [rule.client, rule.everybody] {
            call.arg(limit.burst).arg(limit.per_minute);
        }
        match tokio::time::timeout(self.timeout, call.invoke_async::<u64>(&mut redis)).await {
            Ok(Ok(wait)) => Some(Duration::from_millis(wait)),
            Ok(Err(error)) => {
                tracing::warn!(%error, "rate limits fall back to local buckets");
                None
            }
            Err(_) => {
                tracing::warn!(
                    "rate limits fall back to local buckets: redis did not answer in time"
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_calls_are_limited() {
        for (method, path, kind) in [
            (Method::POST, "/auth/signup", Some(Limited::Signup)),
            (Method::GET, "/auth/signup", None),
            (Method::GET, "/auth/signup/email-verifications", None),
            (Method::POST, "/auth/login", Some(Limited::Login)),
            (Method::PUT, "/auth/resendEmail", Some(Limited::Resend)),
            (Method::POST, "/auth/refresh", None),
            (Method::POST, "/cart/add/1", None),
        ] {
            assert_eq!(Limited::of(&method, path), kind, "{method} {path}");
        }
    }

    #[tokio::test]
    async fn without_redis_local_buckets_decide() {
        let wide = Limit {
            per_minute: 1000,
            burst: 1000,
        };
        let rule = Rule {
            client: Limit {
                per_minute: 1,
                burst: 2,
            },
            everybody: wide,
        };
        let limiter = RateLimiter::new(
            Rules {
                signup: rule,
                login: rule,
                resend: rule,
            },
            None,
            Duration::from_secs(1),
        );
        let (me, other) = (
            "203.0.113.7".parse().unwrap(),
            "203.0.113.8".parse().unwrap(),
        );
        assert!(limiter.take(Limited::Login, me).await.is_ok());
        assert!(limiter.take(Limited::Login, me).await.is_ok());
        let wait = limiter.take(Limited::Login, me).await.unwrap_err();
        assert!(
            wait > Duration::from_secs(50) && wait <= Duration::from_secs(60),
            "{wait:?}"
        );
        assert!(limiter.take(Limited::Login, other).await.is_ok());
        assert!(limiter.take(Limited::Signup, me).await.is_ok());
    }
}
