//! How long a failed row waits.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);

/// Doubles from 200 ms to `max`, and takes a random point in the upper half, so that rows which failed together (the
/// receiver was away) do not come back together.
///
/// `failures` counts the failed deliveries so far, `random` is in `0.0..1.0`.
pub fn delay(failures: i32, max: Duration, random: f64) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1))
        .unwrap_or(0)
        .min(20);
    let full = FIRST.saturating_mul(1 << doublings).min(max);
    full.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: Duration = Duration::from_secs(60);

    #[test]
    fn doubles_and_stays_below_the_maximum() {
        assert_eq!(delay(1, MAX, 1.0), Duration::from_millis(200));
        assert_eq!(delay(2, MAX, 1.0), Duration::from_millis(400));
        assert_eq!(delay(5, MAX, 1.0), Duration::from_millis(3200));
        assert_eq!(delay(30, MAX, 1.0), MAX);
        assert_eq!(delay(i32::MAX, MAX, 1.0), MAX);
    }

    #[test]
    fn jitter_takes_the_upper_half() {
        for failures in 1..12 {
            let low = delay(failures, MAX, 0.0);
            let high = delay(failures, MAX, 1.0);
            assert_eq!(low * 2, high);
        }
        assert_eq!(delay(0, MAX, 0.0), Duration::from_millis(100));
        assert_eq!(delay(-5, MAX, 0.0), Duration::from_millis(100));
    }
}
