//! The rules: what each call, result and passing second does to a breaker. Written to be read beside the state diagram.

use std::time::Duration;

use super::{Snapshot, State};
use crate::config::{CircuitBreakerConfig, SlidingWindowType};
use crate::event::EventKind;
use crate::window::{Totals, Window};

pub(super) struct Machine {
    pub state: State,
    /// Grows with every change of state: a result counts only in the generation that admitted its call.
    generation: u64,
    since: Duration,
    window: Window,
    minimum: u32,
    permits: u32,
    not_permitted: u64,
    failure_rate_told: bool,
    slow_rate_told: bool,
}

impl Machine {
    pub fn closed(config: &CircuitBreakerConfig, now: Duration) -> Self {
        let mut machine = Self {
            state: State::Closed,
            generation: 0,
            since: now,
            window: Window::of(config, now),
            minimum: 0,
            permits: 0,
            not_permitted: 0,
            failure_rate_told: false,
            slow_rate_told: false,
        };
        machine.enter(State::Closed, config, now);
        machine
    }

    /// A HALF_OPEN that waited too long opens; an OPEN with automatic transition half-opens.
    pub fn tick(
        &mut self,
        config: &CircuitBreakerConfig,
        now: Duration,
        events: &mut Vec<EventKind>,
    ) {
        let limit = config.max_wait_duration_in_half_open_state;
        if self.state == State::HalfOpen && !limit.is_zero() && now >= self.since + limit {
            self.go(State::Open, config, now, events);
        }
        if self.state == State::Open
            && config.automatic_transition_from_open_to_half_open_enabled
            && self.wait_is_over(config, now)
        {
            self.go(State::HalfOpen, config, now, events);
        }
    }

    fn wait_is_over(&self, config: &CircuitBreakerConfig, now: Duration) -> bool {
        now > self.since + config.wait_duration_in_open_state
    }

    pub fn acquire(
        &mut self,
        config: &CircuitBreakerConfig,
        now: Duration,
        events: &mut Vec<EventKind>,
    ) -> Result<u64, Duration> {
        if self.state == State::Open && self.wait_is_over(config, now) {
            self.go(State::HalfOpen, config, now, events);
        }
        // A refusal always names a wait, so that nobody spins on it.
        const SHORTEST: Duration = Duration::from_millis(100);
        let wait = match self.state {
            State::Closed | State::Disabled | State::MetricsOnly => return Ok(self.generation),
            State::HalfOpen if self.permits > 0 => {
                self.permits -= 1;
                return Ok(self.generation);
            }
            State::HalfOpen => SHORTEST.max(
                config
                    .wait_duration_in_open_state
                    .min(Duration::from_secs(1)),
            ),
            State::Open => (self.since + config.wait_duration_in_open_state)
                .saturating_sub(now)
                .max(SHORTEST),
            State::ForcedOpen => config.wait_duration_in_open_state.max(SHORTEST),
        };
        self.not_permitted += 1;
        // FORCED_OPEN counts its refusals without an event.
        if self.publishes() {
            events.push(EventKind::NotPermitted);
        }
        Err(wait)
    }

    pub fn record(
        &mut self,
        config: &CircuitBreakerConfig,
        now: Duration,
        generation: u64,
        elapsed: Duration,
        failed: bool,
        events: &mut Vec<EventKind>,
    ) {
        if !self.publishes() {
            return;
        }
        events.push(if failed {
            EventKind::Error { elapsed }
        } else {
            EventKind::Success { elapsed }
        });
        // resilience4j counts a late result in whatever state is current, so that calls from before the outage can
        // re-open a half-open breaker. Here a result counts where its call was admitted; OPEN still takes the
        // stragglers of the state before it into the window that it shows.
        let straggler = self.state == State::Open && generation + 1 == self.generation;
        if generation != self.generation && !straggler {
            return;
        }
        self.window
            .record(now, failed, elapsed > config.slow_call_duration_threshold);
        let totals = self.window.totals(now);
        let (failure_rate, slow_rate) = self.rates(totals);
        let too_many_failures = failure_rate >= config.failure_rate_threshold;
        let too_many_slow = slow_rate >= config.slow_call_rate_threshold;
        match self.state {
            State::Closed | State::MetricsOnly => {
                if too_many_failures && !std::mem::replace(&mut self.failure_rate_told, true) {
                    events.push(EventKind::FailureRateExceeded(failure_rate));
                }
                if too_many_slow && !std::mem::replace(&mut self.slow_rate_told, true) {
                    events.push(EventKind::SlowCallRateExceeded(slow_rate));
                }
                if self.state == State::Closed && (too_many_failures || too_many_slow) {
                    self.go(State::Open, config, now, events);
                }
            }
            State::HalfOpen if totals.calls >= self.minimum => {
                let to = if too_many_failures || too_many_slow {
                    State::Open
                } else {
                    State::Closed
                };
                self.go(to, config, now, events);
            }
            State::HalfOpen | State::Open | State::ForcedOpen | State::Disabled => {}
        }
    }

    pub fn release(&mut self, generation: u64) {
        if self.state == State::HalfOpen && generation == self.generation {
            self.permits += 1;
        }
    }

    pub fn publishes(&self) -> bool {
        !matches!(self.state, State::Disabled | State::ForcedOpen)
    }

    fn rates(&self, totals: Totals) -> (f32, f32) {
        if totals.calls == 0 || totals.calls < self.minimum {
            return (-1.0, -1.0);
        }
        let percent = |part: u32| part as f32 * 100.0 / totals.calls as f32;
        (percent(totals.failed), percent(totals.slow))
    }

    pub fn go(
        &mut self,
        to: State,
        config: &CircuitBreakerConfig,
        now: Duration,
        events: &mut Vec<EventKind>,
    ) {
        let from = self.state;
        self.enter(to, config, now);
        events.push(EventKind::StateTransition { from, to });
    }

    pub fn enter(&mut self, to: State, config: &CircuitBreakerConfig, now: Duration) {
        self.state = to;
        self.generation += 1;
        self.since = now;
        // OPEN keeps the window that opened it, for people to look at; every other state begins anew.
        match to {
            State::Open => return,
            State::HalfOpen => {
                let permitted = config.permitted_number_of_calls_in_half_open_state.max(1);
                self.permits = permitted;
                self.window = Window::count(permitted);
                self.minimum = config.minimum_number_of_calls.min(permitted);
            }
            State::Closed | State::MetricsOnly | State::ForcedOpen | State::Disabled => {
                self.window = Window::of(config, now);
                self.minimum = match config.sliding_window_type {
                    SlidingWindowType::CountBased => config
                        .minimum_number_of_calls
                        .min(config.sliding_window_size),
                    SlidingWindowType::TimeBased => config.minimum_number_of_calls,
                };
            }
        }
        self.not_permitted = 0;
        self.failure_rate_told = false;
        self.slow_rate_told = false;
    }

    pub fn snapshot(
        &mut self,
        name: &str,
        config: &CircuitBreakerConfig,
        now: Duration,
    ) -> Snapshot {
        let totals = self.window.totals(now);
        let (failure_rate, slow_call_rate) = self.rates(totals);
        Snapshot {
            name: name.to_owned(),
            state: self.state,
            failure_rate,
            slow_call_rate,
            failure_rate_threshold: config.failure_rate_threshold,
            slow_call_rate_threshold: config.slow_call_rate_threshold,
            buffered_calls: totals.calls,
            failed_calls: totals.failed,
            slow_calls: totals.slow,
            slow_failed_calls: totals.slow_failed,
            not_permitted_calls: self.not_permitted,
        }
    }
}
