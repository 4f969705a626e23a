//! The numbers themselves.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A handle to a number that only grows.
#[derive(Clone)]
pub struct Counter(pub(super) Arc<CounterCell>);

/// A handle to a number that goes up and down.
#[derive(Clone)]
pub struct Gauge(pub(super) Arc<GaugeCell>);

/// A handle to a count, a sum and a maximum of durations.
#[derive(Clone)]
pub struct Timer(pub(super) Arc<TimerCell>);

#[derive(Default)]
pub(super) struct CounterCell(AtomicU64);

#[derive(Default)]
pub(super) struct GaugeCell(AtomicU64);

pub(super) struct TimerCell {
    origin: Instant,
    count: AtomicU64,
    sum_nanos: AtomicU64,
    max: Mutex<RecentMax>,
}

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// `n` more.
    pub fn add(&self, n: u64) {
        self.0.0.fetch_add(n, Ordering::Relaxed);
    }
}

impl Gauge {
    /// The present value.
    pub fn set(&self, value: f64) {
        self.0.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

impl Timer {
    /// It happened once and took `elapsed`.
    pub fn record(&self, elapsed: Duration) {
        self.0.record(elapsed, self.0.origin.elapsed());
    }
}

impl CounterCell {
    pub fn value(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64
    }
}

impl GaugeCell {
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

impl TimerCell {
    pub fn starting(origin: Instant) -> Self {
        Self {
            origin,
            count: AtomicU64::new(0),
            sum_nanos: AtomicU64::new(0),
            max: Mutex::default(),
        }
    }

    fn record(&self, elapsed: Duration, now: Duration) {
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.max
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .record(now, nanos);
    }

    /// Count, sum and recent maximum; seconds.
    pub fn values(&self) -> (f64, f64, f64) {
        let max = self
            .max
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .read(self.origin.elapsed());
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let sum = seconds(self.sum_nanos.load(Ordering::Relaxed));
        (self.count.load(Ordering::Relaxed) as f64, sum, seconds(max))
    }
}

/// The maximum of the present minute and the two before it, as Micrometer keeps it.
#[derive(Default)]
struct RecentMax {
    minute: u64,
    /// The present minute first.
    minutes: [u64; 3],
}

impl RecentMax {
    fn record(&mut self, now: Duration, value: u64) {
        self.advance(now);
        self.minutes[0] = self.minutes[0].max(value);
    }

    fn read(&mut self, now: Duration) -> u64 {
        self.advance(now);
        self.minutes.iter().copied().max().unwrap_or(0)
    }

    fn advance(&mut self, now: Duration) {
        let minute = now.as_secs() / 60;
        for _ in 0..minute.saturating_sub(self.minute).min(3) {
            self.minutes = [0, self.minutes[0], self.minutes[1]];
        }
        self.minute = self.minute.max(minute);
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Counter({})", self.0.value())
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gauge({})", self.0.value())
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer{:?}", self.0.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maximum_is_kept_two_to_three_minutes() {
        let mut max = RecentMax::default();
        let at = Duration::from_secs;
        max.record(at(59), 9);
        max.record(at(61), 5);
        assert_eq!(max.read(at(61)), 9);
        assert_eq!(max.read(at(179)), 9);
        assert_eq!(max.read(at(180)), 5);
        assert_eq!(max.read(at(240)), 0);
        max.record(at(100_000), 3);
        assert_eq!(max.read(at(100_001)), 3);
    }
}
