use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::time::{MonotonicTime, SharedTime};

/// How often and how soon a call is tried again; [`Default`] is resilience4j's, with jitter.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryConfig {
    /// Tries in all, the first one included; at least 1.
    pub max_attempts: u32,
    /// The wait before the first retry.
    pub wait: Duration,
    /// The wait grows by this factor with each retry; 1 keeps it.
    pub multiplier: f64,
    /// The wait is drawn from `wait * (1 - jitter) ..= wait * (1 + jitter)`; 0 to 1.
    pub jitter: f64,
    /// No wait is longer.
    pub max_wait: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            wait: Duration::from_millis(500),
            multiplier: 1.0,
            jitter: 0.5,
            max_wait: Duration::from_secs(10),
        }
    }
}

impl RetryConfig {
    /// The wait before retry number `retry` (1 is the first).
    pub fn wait_before(&self, retry: u32) -> Duration {
        self.wait_at(retry, rand::random::<f64>())
    }

    /// `dice` is within 0..1.
    fn wait_at(&self, retry: u32, dice: f64) -> Duration {
        let exponent = retry.saturating_sub(1).min(63) as i32;
        let plain = self.wait.as_secs_f64() * self.multiplier.max(1.0).powi(exponent);
        let jitter = self.jitter.clamp(0.0, 1.0);
        let seconds = plain * (1.0 - jitter + 2.0 * jitter * dice);
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(self.max_wait)
            .min(self.max_wait)
    }
}

/// Bounds retries to a share of the calls, so that a sick peer is not beaten to death: a token bucket. Every call pays in
/// a share of a token, every retry takes one out; a small reserve per second lets a quiet program retry too.
/// Clones share the bucket.
#[derive(Clone)]
pub struct RetryBudget {
    shared: Arc<Budget>,
}

struct Budget {
    share: f64,
    reserve_per_second: f64,
    most: f64,
    time: SharedTime,
    bucket: Mutex<Bucket>,
}

struct Bucket {
    tokens: f64,
    filled: Duration,
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("tokens", &self.tokens())
            .finish()
    }
}

impl Default for RetryBudget {
    /// 20 % of the calls, one retry per second in any case, at most 100 saved up.
    fn default() -> Self {
        Self::new(0.2, 1.0, 100.0)
    }
}

impl RetryBudget {
    /// `share` of a token per call, `reserve_per_second` tokens come by themselves, up to ten of them; at most `most` are saved up.
    pub fn new(share: f64, reserve_per_second: f64, most: f64) -> Self {
        Self::with_time(share, reserve_per_second, most, MonotonicTime::shared())
    }

    /// The same on a clock of your own.
    pub fn with_time(share: f64, reserve_per_second: f64, most: f64, time: SharedTime) -> Self {
        let bucket = Bucket {
            tokens: RESERVE.min(most),
            filled: time.now(),
        };
        let shared = Budget {
            share,
            reserve_per_second,
            most,
            time,
            bucket: Mutex::new(bucket),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A first try was made.
    pub fn deposit(&self) {
        self.change(|budget, bucket| {
            bucket.tokens = (bucket.tokens + budget.share).min(budget.most)
        });
    }

    /// Asks for one retry.
    pub fn try_withdraw(&self) -> bool {
        self.change(|_, bucket| {
            let granted = bucket.tokens >= 1.0;
            if granted {
                bucket.tokens -= 1.0;
            }
            granted
        })
    }

    /// What is in the bucket.
    pub fn tokens(&self) -> f64 {
        self.change(|_, bucket| bucket.tokens)
    }

    fn change<T>(&self, apply: impl FnOnce(&Budget, &mut Bucket) -> T) -> T {
        let budget = &*self.shared;
        let mut bucket = budget.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = budget.time.now();
        let reserve = now.saturating_sub(bucket.filled).as_secs_f64() * budget.reserve_per_second;
        // The reserve alone never fills the bucket beyond a handful.
        if bucket.tokens < RESERVE {
            bucket.tokens = (bucket.tokens + reserve).min(RESERVE).min(budget.most);
        }
        bucket.filled = now;
        apply(budget, &mut bucket)
    }
}

const RESERVE: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::ManualTime;

    #[test]
    fn waits_grow_and_stay_within_their_jitter() {
        let config = RetryConfig {
            multiplier: 1.5,
            ..RetryConfig::default()
        };
        let middle: Vec<u128> = (1..5)
            .map(|retry| config.wait_at(retry, 0.5).as_millis())
            .collect();
        assert_eq!(middle, [500, 750, 1125, 1687]);
        assert_eq!(config.wait_at(1, 0.0), Duration::from_millis(250));
        assert_eq!(config.wait_at(1, 1.0), Duration::from_millis(750));
        assert_eq!(config.wait_at(4000, 1.0), config.max_wait);
    }

    #[test]
    fn retries_are_a_share_of_the_calls() {
        let time = ManualTime::shared();
        let budget = RetryBudget::with_time(0.2, 1.0, 100.0, time.clone());
        let granted = |n: usize| (0..n).filter(|_| budget.try_withdraw()).count();
        assert_eq!(granted(50), 10, "the reserve");
        for _ in 0..50 {
            budget.deposit();
        }
        let after_calls = granted(50);
        assert!(
            (9..=10).contains(&after_calls),
            "a fifth of fifty, not {after_calls}"
        );
        time.advance(Duration::from_secs(3));
        assert!((2..=3).contains(&granted(50)));
        time.advance(Duration::from_secs(3600));
        assert_eq!(granted(50), 10, "the reserve does not pile up");
    }
}
