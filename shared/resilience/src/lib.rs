//! Circuit breakers, retries and retry budgets with resilience4j's semantics, settings and names.
//!
//! Everything is instance-scoped: a [`BreakerRegistry`] belongs to one program (or one test) and holds one
//! [`CircuitBreaker`] per name. Time is a [`TimeSource`], so tests move it by hand.
//!
//! Reading order: [`CircuitBreakerConfig`], `window.rs` (what is counted), `breaker.rs` (the states), then the registry.
//!
//! What it is not: it knows nothing of HTTP, discovery or metrics; others watch it through [`BreakerRegistry::observe`].

mod breaker;
mod config;
mod event;
mod registry;
mod retry;
mod time;
mod window;

pub use breaker::{CircuitBreaker, NotPermitted, Permit, Snapshot, State};
pub use config::{CircuitBreakerConfig, SlidingWindowType};
pub use event::{Event, EventKind, Listener};
pub use registry::BreakerRegistry;
pub use retry::{RetryBudget, RetryConfig};
pub use time::{ManualTime, MonotonicTime, SharedTime, TimeSource};
