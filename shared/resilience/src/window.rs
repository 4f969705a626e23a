//! The sliding windows. Both keep running totals, so that recording and reading cost the same for any size.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::{CircuitBreakerConfig, SlidingWindowType};

/// Sums over a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub calls: u32,
    pub failed: u32,
    pub slow: u32,
    pub slow_failed: u32,
}

impl Totals {
    fn of(failed: bool, slow: bool) -> Self {
        Self {
            calls: 1,
            failed: failed.into(),
            slow: slow.into(),
            slow_failed: (failed && slow).into(),
        }
    }

    fn add(&mut self, other: Totals) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.slow += other.slow;
        self.slow_failed += other.slow_failed;
    }

    fn subtract(&mut self, other: Totals) {
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.slow -= other.slow;
        self.slow_failed -= other.slow_failed;
    }
}

#[derive(Debug)]
pub(crate) enum Window {
    Count {
        size: usize,
        ring: VecDeque<Totals>,
        totals: Totals,
    },
    // The front bucket is the oldest second, the back bucket is `head`.
    Time {
        buckets: VecDeque<Totals>,
        head: u64,
        totals: Totals,
    },
}

impl Window {
    pub fn of(config: &CircuitBreakerConfig, now: Duration) -> Self {
        match config.sliding_window_type {
            SlidingWindowType::CountBased => Self::count(config.sliding_window_size),
            SlidingWindowType::TimeBased => Self::time(config.sliding_window_size, now),
        }
    }

    pub fn count(size: u32) -> Self {
        let size = size.max(1) as usize;
        Self::Count {
            size,
            ring: VecDeque::new(),
            totals: Totals::default(),
        }
    }

    fn time(seconds: u32, now: Duration) -> Self {
        let buckets = vec![Totals::default(); seconds.max(1) as usize].into();
        Self::Time {
            buckets,
            head: now.as_secs(),
            totals: Totals::default(),
        }
    }

    pub fn record(&mut self, now: Duration, failed: bool, slow: bool) {
        self.advance(now);
        let one = Totals::of(failed, slow);
        match self {
            Self::Count { size, ring, totals } => {
                if ring.len() == *size
                    && let Some(oldest) = ring.pop_front()
                {
                    totals.subtract(oldest);
                }
                ring.push_back(one);
                totals.add(one);
            }
            Self::Time {
                buckets, totals, ..
            } => {
                if let Some(current) = buckets.back_mut() {
                    current.add(one);
                }
                totals.add(one);
            }
        }
    }

    pub fn totals(&mut self, now: Duration) -> Totals {
        self.advance(now);
        match self {
            Self::Count { totals, .. } | Self::Time { totals, .. } => *totals,
        }
    }

    fn advance(&mut self, now: Duration) {
        if let Self::Time {
            buckets,
            head,
            totals,
        } = self
        {
            let expired = now.as_secs().saturating_sub(*head);
            for _ in 0..expired.min(buckets.len() as u64) {
                if let Some(oldest) = buckets.pop_front() {
                    totals.subtract(oldest);
                }
                buckets.push_back(Totals::default());
            }
            *head = (*head).max(now.as_secs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A window that remembers everything and counts from scratch.
    struct Naive {
        calls: Vec<(Duration, bool, bool)>,
    }

    impl Naive {
        fn sum<'a>(calls: impl Iterator<Item = &'a (Duration, bool, bool)>) -> Totals {
            let mut totals = Totals::default();
            for (_, failed, slow) in calls {
                totals.add(Totals::of(*failed, *slow));
            }
            totals
        }
        fn last(&self, size: usize) -> Totals {
            Self::sum(self.calls.iter().rev().take(size))
        }
        fn within(&self, seconds: u64, now: Duration) -> Totals {
            Self::sum(
                self.calls
                    .iter()
                    .filter(|(at, ..)| at.as_secs() + seconds > now.as_secs()),
            )
        }
    }

    struct Dice(u64);
    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % sides
        }
    }

    #[test]
    fn both_windows_agree_with_a_naive_model() {
        for seed in 1..400_u64 {
            let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let size = dice.roll(12) as u32 + 1;
            let mut now = Duration::from_millis(dice.roll(5000));
            let mut count = Window::count(size);
            let mut time = Window::time(size, now);
            let mut naive = Naive { calls: Vec::new() };
            for step in 0..120 {
                now += Duration::from_millis(match dice.roll(6) {
                    0 => dice.roll(20_000),
                    1 => 1000,
                    _ => dice.roll(700),
                });
                if dice.roll(4) > 0 {
                    let (failed, slow) = (dice.roll(2) == 0, dice.roll(3) == 0);
                    count.record(now, failed, slow);
                    time.record(now, failed, slow);
                    naive.calls.push((now, failed, slow));
                }
                assert_eq!(
                    count.totals(now),
                    naive.last(size as usize),
                    "count, seed {seed} step {step}"
                );
                assert_eq!(
                    time.totals(now),
                    naive.within(u64::from(size), now),
                    "time, seed {seed} step {step}"
                );
            }
        }
    }

    #[test]
    fn a_time_window_counts_whole_seconds() {
        let mut window = Window::time(3, Duration::ZERO);
        window.record(Duration::from_millis(500), true, false);
        assert_eq!(window.totals(Duration::from_millis(2999)).failed, 1);
        assert_eq!(window.totals(Duration::from_millis(3000)).failed, 0);
    }
}
