use std::sync::Arc;
use std::time::Duration;

use crate::breaker::State;

/// What happened at a breaker.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// A call ended well.
    Success {
        /// How long it took.
        elapsed: Duration,
    },
    /// A call failed.
    Error {
        /// How long it took.
        elapsed: Duration,
    },
    /// A call ended in a way that says nothing about the callee.
    IgnoredError,
    /// A call was refused.
    NotPermitted,
    /// The failure rate reached its threshold (only while CLOSED or METRICS_ONLY); percent.
    FailureRateExceeded(f32),
    /// The slow call rate reached its threshold (only while CLOSED or METRICS_ONLY); percent.
    SlowCallRateExceeded(f32),
    /// The state changed.
    StateTransition {
        /// Before.
        from: State,
        /// After.
        to: State,
    },
    /// Somebody reset the breaker.
    Reset,
}

impl EventKind {
    /// resilience4j's name of the event type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Success { .. } => "SUCCESS",
            Self::Error { .. } => "ERROR",
            Self::IgnoredError => "IGNORED_ERROR",
            Self::NotPermitted => "NOT_PERMITTED",
            Self::FailureRateExceeded(_) => "FAILURE_RATE_EXCEEDED",
            Self::SlowCallRateExceeded(_) => "SLOW_CALL_RATE_EXCEEDED",
            Self::StateTransition { .. } => "STATE_TRANSITION",
            Self::Reset => "RESET",
        }
    }
}

/// An event with the name of its breaker.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The breaker's name.
    pub breaker: Arc<str>,
    /// What happened.
    pub kind: EventKind,
    /// When, on the breaker's own time source.
    pub at: Duration,
}

/// Hears the events of a breaker, after its lock was let go. Must be quick and must not block.
pub type Listener = Arc<dyn Fn(&Event) + Send + Sync>;
