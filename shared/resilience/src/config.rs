use std::time::Duration;

/// What the sliding window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlidingWindowType {
    /// The last `sliding_window_size` calls.
    CountBased,
    /// The calls of the last `sliding_window_size` seconds, in buckets of a whole second.
    TimeBased,
}

/// Settings of one breaker, named like resilience4j's properties; [`Default`] is resilience4j's default.
#[derive(Clone, Debug, PartialEq)]
pub struct CircuitBreakerConfig {
    /// Percent of failed calls (0-100]; reaching it opens the breaker.
    pub failure_rate_threshold: f32,
    /// Percent of slow calls (0-100]; reaching it opens the breaker.
    pub slow_call_rate_threshold: f32,
    /// A call that took longer than this (not: as long as this) is slow.
    pub slow_call_duration_threshold: Duration,
    /// How many trial calls HALF_OPEN admits, and how many results decide.
    pub permitted_number_of_calls_in_half_open_state: u32,
    /// How long HALF_OPEN may wait for its results before it opens again; zero waits for ever.
    pub max_wait_duration_in_half_open_state: Duration,
    /// Calls or seconds.
    pub sliding_window_type: SlidingWindowType,
    /// Calls or seconds, at least 1.
    pub sliding_window_size: u32,
    /// No rate is computed below this many calls (at most the window size for a count window).
    pub minimum_number_of_calls: u32,
    /// How long OPEN refuses every call.
    pub wait_duration_in_open_state: Duration,
    /// Shows HALF_OPEN as soon as the wait is over, without waiting for a call.
    pub automatic_transition_from_open_to_half_open_enabled: bool,
    /// Whether the breaker shows in the `circuitBreakers` health component.
    pub register_health_indicator: bool,
    /// Whether an open breaker makes that component DOWN (otherwise CIRCUIT_OPEN, which answers 200).
    pub allow_health_indicator_to_fail: bool,
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        Self {
            failure_rate_threshold: 50.0,
            slow_call_rate_threshold: 100.0,
            slow_call_duration_threshold: Duration::from_secs(60),
            permitted_number_of_calls_in_half_open_state: 10,
            max_wait_duration_in_half_open_state: Duration::ZERO,
            sliding_window_type: SlidingWindowType::CountBased,
            sliding_window_size: 100,
            minimum_number_of_calls: 100,
            wait_duration_in_open_state: Duration::from_secs(60),
            automatic_transition_from_open_to_half_open_enabled: false,
            register_health_indicator: false,
            allow_health_indicator_to_fail: false,
        }
    }
}

impl CircuitBreakerConfig {
    /// What is wrong with the settings, one line per property; empty when all is well.
    pub fn problems(&self) -> Vec<String> {
        let mut bad = Vec::new();
        let percent = |value: f32| value > 0.0 && value <= 100.0;
        if !percent(self.failure_rate_threshold) {
            bad.push("failure-rate-threshold: must be over 0 and at most 100".to_owned());
        }
        if !percent(self.slow_call_rate_threshold) {
            bad.push("slow-call-rate-threshold: must be over 0 and at most 100".to_owned());
        }
        if self.permitted_number_of_calls_in_half_open_state == 0 {
            bad.push("permitted-number-of-calls-in-half-open-state: must be at least 1".to_owned());
        }
        if self.sliding_window_size == 0 {
            bad.push("sliding-window-size: must be at least 1".to_owned());
        }
        if self.minimum_number_of_calls == 0 {
            bad.push("minimum-number-of-calls: must be at least 1".to_owned());
        }
        if self.wait_duration_in_open_state.is_zero() {
            bad.push("wait-duration-in-open-state: must be over 0".to_owned());
        }
        bad
    }
}
