//! Settings, with Spring Cloud Netflix's names and defaults.

use std::time::Duration;

use serde::Deserialize;

use crate::instance_registry::RegistrySettings;

/// `eureka.server.*`. Keys that belong to what this registry does not have (its answers are always fresh, so the response
/// cache's) are read over: a Spring shop's settings can stay as they are.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Config {
    /// Keep instances when too few heartbeats arrive.
    pub enable_self_preservation: bool,
    /// Share of expected heartbeats below which that happens; also the share of instances that one eviction run leaves alone.
    pub renewal_percent_threshold: f64,
    /// How often clients are expected to renew.
    pub expected_client_renewal_interval_seconds: u32,
    /// Time between eviction runs.
    pub eviction_interval_timer_in_ms: u64,
    /// How long a change is part of the delta (`retention-time-in-m-s-in-delta-queue`).
    pub retention_time_in_ms_in_delta_queue: u32,
    /// Time between looks for changes that are too old.
    pub delta_retention_timer_interval_in_ms: u64,
    /// Answers deltas with 403, at which clients fetch everything.
    pub disable_delta: bool,
    /// With no client expected at the start: how long fetches are refused.
    pub wait_time_in_ms_when_sync_empty: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enable_self_preservation: true,
            renewal_percent_threshold: 0.85,
            expected_client_renewal_interval_seconds: 30,
            eviction_interval_timer_in_ms: 60_000,
            retention_time_in_ms_in_delta_queue: 180_000,
            delta_retention_timer_interval_in_ms: 30_000,
            disable_delta: false,
            wait_time_in_ms_when_sync_empty: 300_000,
        }
    }
}

impl Config {
    /// Names every senseless value.
    pub fn validate(&self, bad: &mut Vec<String>) {
        let mut check = |good: bool, key: &str, why: &str| {
            if !good {
                bad.push(format!("eureka.server.{key}: {why}"));
            }
        };
        check(
            (0.0..=1.0).contains(&self.renewal_percent_threshold),
            "renewal-percent-threshold",
            "must be between 0 and 1",
        );
        check(
            self.expected_client_renewal_interval_seconds > 0,
            "expected-client-renewal-interval-seconds",
            "must be at least 1",
        );
        check(
            self.eviction_interval_timer_in_ms > 0,
            "eviction-interval-timer-in-ms",
            "must be at least 1",
        );
        check(
            self.delta_retention_timer_interval_in_ms > 0,
            "delta-retention-timer-interval-in-ms",
            "must be at least 1",
        );
    }

    /// What the state machine needs of it. `open_for_traffic_count` is
    /// `eureka.instance.registry.default-open-for-traffic-count`.
    pub fn registry(&self, open_for_traffic_count: u32) -> RegistrySettings {
        RegistrySettings {
            self_preservation: self.enable_self_preservation,
            renewal_percent: self.renewal_percent_threshold,
            expected_renewal_secs: self.expected_client_renewal_interval_seconds,
            open_for_traffic_count,
            wait_when_empty: i64::from(self.wait_time_in_ms_when_sync_empty),
            delta_retention: i64::from(self.retention_time_in_ms_in_delta_queue),
        }
    }

    /// Time between eviction runs.
    pub fn eviction_interval(&self) -> Duration {
        Duration::from_millis(self.eviction_interval_timer_in_ms)
    }

    /// Time between looks for old changes.
    pub fn forget_interval(&self) -> Duration {
        Duration::from_millis(self.delta_retention_timer_interval_in_ms)
    }
}
