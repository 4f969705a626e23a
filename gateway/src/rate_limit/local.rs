//! Token buckets of this process, for the time without Redis.

use super::{Limit, Limited, Rule};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More addresses than this are not remembered: those whose bucket is full again are forgotten first.
const MOST: usize = 20_000;

type Key = (Limited, Option<IpAddr>);

#[derive(Default)]
pub(super) struct LocalBuckets {
    buckets: Mutex<HashMap<Key, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
    limit: Limit,
}

impl LocalBuckets {
    /// Takes a token from both buckets, or from none. Zero, or the time until it is worth trying again.
    pub(super) fn take(&self, kind: Limited, rule: Rule, client: IpAddr, now: Instant) -> Duration {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| bucket.level(now) < f64::from(bucket.limit.burst));
            if buckets.len() >= MOST {
                buckets.retain(|(_, client), _| client.is_none());
            }
        }
        let keys: [(Key, Limit); 2] = [
            ((kind, Some(client)), rule.client),
            ((kind, None), rule.everybody),
        ];
        let mut wait = Duration::ZERO;
        let mut levels = [0.0; 2];
        for (level, (key, limit)) in levels.iter_mut().zip(keys) {
            *level = buckets
                .get(&key)
                .map_or(f64::from(limit.burst), |bucket| bucket.level(now));
            if *level < 1.0 {
                wait = wait.max(Duration::from_secs_f64(
                    (1.0 - *level) * 60.0 / f64::from(limit.per_minute),
                ));
            }
        }
        if wait.is_zero() {
            for (level, (key, limit)) in levels.into_iter().zip(keys) {
                buckets.insert(
                    key,
                    Bucket {
                        tokens: level - 1.0,
                        at: now,
                        limit,
                    },
                );
            }
        }
        wait
    }
}

impl Bucket {
    fn level(&self, now: Instant) -> f64 {
        let back = now.saturating_duration_since(self.at).as_secs_f64()
            * f64::from(self.limit.per_minute)
            / 60.0;
        (self.tokens + back).min(f64::from(self.limit.burst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(per_minute: u32, burst: u32, everybody: u32) -> Rule {
        Rule {
            client: Limit { per_minute, burst },
            everybody: Limit {
                per_minute: everybody,
                burst: everybody,
            },
        }
    }

    #[test]
    fn tokens_come_back_with_time() {
        let buckets = LocalBuckets::default();
        let rule = rule(60, 2, 1000);
        let client = "203.0.113.7".parse().unwrap();
        let start = Instant::now();
        let take = |after: u64| {
            buckets.take(
                Limited::Login,
                rule,
                client,
                start + Duration::from_millis(after),
            )
        };
        assert!(take(0).is_zero());
        assert!(take(0).is_zero());
        assert_eq!(take(0), Duration::from_secs(1));
        assert_eq!(take(750).as_millis(), 250);
        assert!(take(1000).is_zero());
        assert!(!take(1000).is_zero());
        // Never more than the bucket holds.
        assert!(take(100_000).is_zero());
        assert!(take(100_000).is_zero());
        assert!(!take(100_000).is_zero());
    }

    #[test]
    fn everybody_together_is_limited_too() {
        let buckets = LocalBuckets::default();
        let rule = rule(60, 10, 3);
        let now = Instant::now();
        let take = |last: u8| {
            buckets.take(
                Limited::Signup,
                rule,
                IpAddr::from([203, 0, 113, last]),
                now,
            )
        };
        for last in 1..=3 {
            assert!(take(last).is_zero());
        }
        assert!(!take(4).is_zero());
    }

    #[test]
    fn a_refused_call_takes_no_token_from_the_other_bucket() {
        let buckets = LocalBuckets::default();
        let rule = rule(1, 1, 2);
        let now = Instant::now();
        let take = |last: u8| {
            buckets.take(
                Limited::Signup,
                rule,
                IpAddr::from([203, 0, 113, last]),
                now,
            )
        };
        assert!(take(1).is_zero());
        for _ in 0..5 {
            assert!(!take(1).is_zero());
        }
        assert!(
            take(2).is_zero(),
            "the refused calls emptied everybody's bucket"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let buckets = LocalBuckets::default();
        let rule = rule(1, 5, u32::MAX);
        let now = Instant::now();
        for number in 0..(MOST as u32 + 5000) {
            buckets.take(
                Limited::Signup,
                rule,
                IpAddr::from(number.to_be_bytes()),
                now,
            );
        }
        assert!(buckets.buckets.lock().unwrap().len() <= MOST + 1);
    }
}
