//! Latencies, counted in buckets that grow with the value: no more than 1.6 % off, whatever the range.

use std::time::Duration;

use serde_json::{Value, json};

/// Buckets for each doubling.
const FINE: usize = 64;
const FINE_BITS: u32 = FINE.trailing_zeros();

#[derive(Clone, Debug)]
pub struct Latencies {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies {
            counts: vec![0; FINE * 40],
            total: 0,
            max: 0,
        }
    }
}

impl Latencies {
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let at = bucket(micros).min(self.counts.len() - 1);
        self.counts[at] += 1;
        self.total += 1;
        self.max = self.max.max(micros);
    }

    pub fn count(&self) -> u64 {
        self.total
    }

    /// Milliseconds below which this share lies; 0 when there is nothing.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return upper(at).min(self.max) as f64 / 1e3;
            }
        }
        self.max as f64 / 1e3
    }

    pub fn to_json(&self) -> Value {
        let ms = |value: f64| (value * 1e3).round() / 1e3;
        json!({
            "p50": ms(self.quantile_ms(0.5)),
            "p90": ms(self.quantile_ms(0.9)),
            "p99": ms(self.quantile_ms(0.99)),
            "max": ms(self.max as f64 / 1e3),
        })
    }
}

fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(FINE_BITS + 1);
    let within = (value >> shift) as usize;
    shift as usize * FINE + within
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let shift = (bucket / FINE).saturating_sub(1);
    let within = (bucket - shift * FINE) as u64;
    ((within + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_narrow_and_in_order() {
        let mut last = 0;
        for value in (0..1_000_000_u64).step_by(7) {
            let at = bucket(value);
            assert!(at >= last && upper(at) >= value);
            assert!(upper(at) as f64 <= value as f64 * 1.016 + 1.0, "{value}");
            last = at;
        }
    }

    #[test]
    fn quantiles_of_a_hundred_known_values() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile_ms(0.5), 0.0);
        for ms in 1..=100 {
            latencies.record(Duration::from_millis(ms));
        }
        assert!((latencies.quantile_ms(0.5) - 50.0).abs() < 1.0);
        assert!((latencies.quantile_ms(0.99) - 99.0).abs() < 2.0);
        assert_eq!(latencies.quantile_ms(1.0), 100.0);
    }
}
