//! Whether leases may expire at all: when too few heartbeats arrive, the network is suspected rather than the instances.

const MINUTE: i64 = 60_000;

/// Heartbeats per minute against what the registered clients should send.
#[derive(Clone, Debug)]
pub struct SelfPreservation {
    enabled: bool,
    percent: f64,
    renewals_per_client: f64,
    expected_clients: u32,
    threshold: u64,
    bucket_start: i64,
    bucket: u64,
    last_minute: u64,
}

impl SelfPreservation {
    /// Starts counting at `now` (milliseconds since 1970).
    pub fn new(
        enabled: bool,
        percent: f64,
        renewal_secs: u32,
        expected_clients: u32,
        now: i64,
    ) -> Self {
        let mut this = Self {
            enabled,
            percent,
            renewals_per_client: 60.0 / f64::from(renewal_secs.max(1)),
            expected_clients,
            threshold: 0,
            bucket_start: now,
            bucket: 0,
            last_minute: 0,
        };
        this.recompute();
        this
    }

    /// Renewals that must be exceeded in a minute for leases to expire.
    pub fn threshold(&self) -> u64 {
        self.threshold
    }

    /// Renewals in the last completed minute.
    pub fn renewals_last_minute(&mut self, now: i64) -> u64 {
        self.rotate(now);
        self.last_minute
    }

    /// Counts a renewal.
    pub fn renewed(&mut self, now: i64) {
        self.rotate(now);
        self.bucket += 1;
    }

    /// A new client. A count of 0 (`default-open-for-traffic-count: 0`) is never raised, as in Netflix's.
    pub fn joined(&mut self) {
        if self.expected_clients > 0 {
            self.expected_clients += 1;
            self.recompute();
        }
    }

    /// A client cancelled or evicted.
    pub fn left(&mut self) {
        if self.expected_clients > 0 {
            self.expected_clients -= 1;
            self.recompute();
        }
    }

    /// Whether expired leases may be evicted now.
    pub fn allows_expiry(&mut self, now: i64) -> bool {
        let renewals = self.renewals_last_minute(now);
        !self.enabled || (self.threshold > 0 && renewals > self.threshold)
    }

    fn recompute(&mut self) {
        let expected = f64::from(self.expected_clients) * self.renewals_per_client * self.percent;
        self.threshold = expected as u64;
    }

    fn rotate(&mut self, now: i64) {
        let minutes = (now - self.bucket_start) / MINUTE;
        if minutes > 0 {
            self.last_minute = if minutes == 1 { self.bucket } else { 0 };
            self.bucket = 0;
            self.bucket_start += minutes * MINUTE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_netflixs() {
        let mut this = SelfPreservation::new(true, 0.85, 30, 1, 0);
        let mut seen = vec![this.threshold()];
        for _ in 0..5 {
            this.joined();
            seen.push(this.threshold());
        }
        assert_eq!(seen, [1, 3, 5, 6, 8, 10]);
        for _ in 0..18 {
            this.joined();
        }
        assert_eq!(this.threshold(), 40);
        this.left();
        assert_eq!(this.threshold(), 39);
    }

    #[test]
    fn only_the_last_completed_minute_counts() {
        let mut this = SelfPreservation::new(true, 0.85, 30, 1, 0);
        for _ in 0..5 {
            this.renewed(59_999);
        }
        assert_eq!(this.renewals_last_minute(59_999), 0);
        assert!(!this.allows_expiry(59_999));
        assert_eq!(this.renewals_last_minute(60_000), 5);
        assert!(this.allows_expiry(60_000));
        assert_eq!(this.renewals_last_minute(119_999), 5);
        assert_eq!(this.renewals_last_minute(120_000), 0);
        this.renewed(120_001);
        assert_eq!(this.renewals_last_minute(240_000), 0);
    }

    #[test]
    fn a_small_cluster_never_expires_unless_switched_off() {
        let mut this = SelfPreservation::new(true, 0.85, 30, 1, 0);
        this.joined();
        this.renewed(0);
        this.renewed(30_000);
        assert!(!this.allows_expiry(60_000));
        let mut off = SelfPreservation::new(false, 0.85, 30, 1, 0);
        assert!(off.allows_expiry(0));
    }

    #[test]
    fn a_count_of_zero_stays_zero() {
        let mut this = SelfPreservation::new(true, 0.85, 30, 0, 0);
        this.joined();
        this.left();
        assert_eq!(this.threshold(), 0);
        this.renewed(0);
        assert!(!this.allows_expiry(60_000));
    }
}
