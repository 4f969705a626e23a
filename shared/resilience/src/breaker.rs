//! The breaker as callers see it. One mutex guards everything that changes (the rules are in `machine.rs`); events leave
//! after it was let go.

mod machine;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use crate::config::CircuitBreakerConfig;
use crate::event::{Event, EventKind, Listener};
use crate::time::{MonotonicTime, SharedTime};

use machine::Machine;

/// The states of a breaker, resilience4j's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// All calls pass and are counted.
    Closed,
    /// All calls are refused until the wait is over.
    Open,
    /// A few trial calls pass.
    HalfOpen,
    /// All calls are refused until somebody changes the state.
    ForcedOpen,
    /// All calls pass, nothing is counted.
    Disabled,
    /// All calls pass and are counted, the breaker never opens.
    MetricsOnly,
}

impl State {
    /// Every state, in the order in which metrics show them.
    pub const ALL: [State; 6] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::ForcedOpen,
        Self::Disabled,
        Self::MetricsOnly,
    ];

    /// resilience4j's name, e.g. `HALF_OPEN`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Open => "OPEN",
            Self::HalfOpen => "HALF_OPEN",
            Self::ForcedOpen => "FORCED_OPEN",
            Self::Disabled => "DISABLED",
            Self::MetricsOnly => "METRICS_ONLY",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The breaker refuses the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotPermitted {
    /// The breaker's name.
    pub name: String,
    /// When another try makes sense (never zero).
    pub retry_after: Duration,
}

impl fmt::Display for NotPermitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "circuit breaker '{}' does not permit further calls",
            self.name
        )
    }
}

impl std::error::Error for NotPermitted {}

/// The numbers of a breaker at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The breaker's name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Percent; -1 below the minimum number of calls.
    pub failure_rate: f32,
    /// Percent; -1 below the minimum number of calls.
    pub slow_call_rate: f32,
    /// Percent.
    pub failure_rate_threshold: f32,
    /// Percent.
    pub slow_call_rate_threshold: f32,
    /// Calls in the window.
    pub buffered_calls: u32,
    /// Failed calls in the window.
    pub failed_calls: u32,
    /// Slow calls in the window.
    pub slow_calls: u32,
    /// Slow and failed calls in the window.
    pub slow_failed_calls: u32,
    /// Refusals since the window was begun.
    pub not_permitted_calls: u64,
}

impl Snapshot {
    /// Calls in the window that ended well.
    pub fn successful_calls(&self) -> u32 {
        self.buffered_calls - self.failed_calls
    }

    /// Slow calls in the window that ended well.
    pub fn slow_successful_calls(&self) -> u32 {
        self.slow_calls - self.slow_failed_calls
    }
}

/// A circuit breaker. Clones share everything.
#[derive(Clone)]
pub struct CircuitBreaker {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    config: CircuitBreakerConfig,
    time: SharedTime,
    machine: Mutex<Machine>,
    listeners: RwLock<Vec<Listener>>,
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.shared.name)
            .field("state", &self.state())
            .finish()
    }
}

impl CircuitBreaker {
    /// A closed breaker on the system's monotonic clock.
    pub fn new(name: impl Into<String>, config: CircuitBreakerConfig) -> Self {
        Self::with_time(name, config, MonotonicTime::shared())
    }

    /// A closed breaker on a clock of your own.
    pub fn with_time(
        name: impl Into<String>,
        config: CircuitBreakerConfig,
        time: SharedTime,
    ) -> Self {
        let machine = Machine::closed(&config, time.now());
        let shared = Shared {
            name: name.into().into(),
            config,
            time,
            machine: Mutex::new(machine),
            listeners: RwLock::new(Vec::new()),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The breaker's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The breaker's settings.
    pub fn config(&self) -> &CircuitBreakerConfig {
        &self.shared.config
    }

    /// Adds a listener to all events from now on.
    pub fn listen(&self, listener: Listener) {
        self.shared
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(listener);
    }

    /// Asks for one call. The permit takes its result; dropped without one (a cancelled call), it gives its place back.
    pub fn try_acquire(&self) -> Result<Permit, NotPermitted> {
        let mut events = Vec::new();
        let (outcome, now) = {
            let (mut machine, now) = self.shared.lock(&mut events);
            (machine.acquire(&self.shared.config, now, &mut events), now)
        };
        self.shared.publish(events, now);
        match outcome {
            Ok(generation) => Ok(Permit {
                shared: Arc::clone(&self.shared),
                generation,
                settled: false,
            }),
            Err(retry_after) => Err(NotPermitted {
                name: self.shared.name.to_string(),
                retry_after,
            }),
        }
    }

    /// The current state. OPEN stays OPEN after its wait until a call comes, unless the transition is automatic.
    pub fn state(&self) -> State {
        self.snapshot().state
    }

    /// The current numbers.
    pub fn snapshot(&self) -> Snapshot {
        let mut events = Vec::new();
        let (snapshot, now) = {
            let (mut machine, now) = self.shared.lock(&mut events);
            (
                machine.snapshot(&self.shared.name, &self.shared.config, now),
                now,
            )
        };
        self.shared.publish(events, now);
        snapshot
    }

    /// Moves to a state by hand; to the present one is silent.
    pub fn transition_to(&self, to: State) {
        let mut events = Vec::new();
        let now = {
            let (mut machine, now) = self.shared.lock(&mut events);
            if machine.state != to {
                machine.go(to, &self.shared.config, now, &mut events);
            }
            now
        };
        self.shared.publish(events, now);
    }

    /// Back to CLOSED with an empty window.
    pub fn reset(&self) {
        let mut events = Vec::new();
        let now = {
            let (mut machine, now) = self.shared.lock(&mut events);
            if machine.state == State::Closed {
                machine.enter(State::Closed, &self.shared.config, now);
            } else {
                machine.go(State::Closed, &self.shared.config, now, &mut events);
            }
            events.push(EventKind::Reset);
            now
        };
        self.shared.publish(events, now);
    }
}

/// The right to make one call.
#[must_use = "the call's result must be told to the permit"]
pub struct Permit {
    shared: Arc<Shared>,
    generation: u64,
    settled: bool,
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("breaker", &self.shared.name)
            .field("generation", &self.generation)
            .finish()
    }
}

impl Permit {
    /// The call ended well after `elapsed`.
    pub fn success(self, elapsed: Duration) {
        self.settle(elapsed, false);
    }

    /// The call failed after `elapsed`.
    pub fn failure(self, elapsed: Duration) {
        self.settle(elapsed, true);
    }

    /// The call says nothing about the callee: not counted, its place is given back.
    pub fn ignore(mut self) {
        self.settled = true;
        self.give_back(Some(EventKind::IgnoredError));
    }

    fn settle(mut self, elapsed: Duration, failed: bool) {
        self.settled = true;
        let mut events = Vec::new();
        let now = {
            let (mut machine, now) = self.shared.lock(&mut events);
            machine.record(
                &self.shared.config,
                now,
                self.generation,
                elapsed,
                failed,
                &mut events,
            );
            now
        };
        self.shared.publish(events, now);
    }

    fn give_back(&self, event: Option<EventKind>) {
        let mut events = Vec::new();
        let now = {
            let (mut machine, now) = self.shared.lock(&mut events);
            machine.release(self.generation);
            if let Some(event) = event.filter(|_| machine.publishes()) {
                events.push(event);
            }
            now
        };
        self.shared.publish(events, now);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            self.give_back(None);
        }
    }
}

impl Shared {
    /// Locks the machine after the changes that only time brings.
    fn lock(&self, events: &mut Vec<EventKind>) -> (MutexGuard<'_, Machine>, Duration) {
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that time is in the same order as the changes.
        let now = self.time.now();
        machine.tick(&self.config, now, events);
        (machine, now)
    }

    fn publish(&self, events: Vec<EventKind>, at: Duration) {
        for kind in events {
            if let EventKind::StateTransition { from, to } = &kind {
                tracing::warn!(breaker = %self.name, from = from.as_str(), to = to.as_str(), "circuit breaker {} went from {from} to {to}", self.name);
            }
            let event = Event {
                breaker: Arc::clone(&self.name),
                kind,
                at,
            };
            for listener in self
                .listeners
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
            {
                listener(&event);
            }
        }
    }
}
