//! Time as a parameter.
//!
//! Code that decides by the time of day takes a [`SharedClock`]; only this crate asks the machine. Timers and durations
//! are tokio's and `std::time::Instant`'s business, not this crate's.

#[cfg(debug_assertions)]
mod wrong;
mod zone;

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

pub use zone::{Zone, ZoneError};

/// The environment's variable that names a file: by how many seconds the machine's clock is said to be ahead (or, negative, behind).
/// It is read each time that somebody asks what time it is; no file, no number: the clock is right. For tests of whole programs; only
/// builds with `debug_assertions` look at it.
pub const WRONG_CLOCK_VARIABLE: &str = "MALL_CLOCK_FILE";

/// Where the time of day comes from.
pub trait Clock: Send + Sync + Debug {
    /// The current time.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that many owners read.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the machine"
    )]
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        #[cfg(debug_assertions)]
        let now = now + wrong::by();
        now
    }
}

/// The machine's clock, shared.
pub fn system() -> SharedClock {
    Arc::new(SystemClock)
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct MockClock(Mutex<DateTime<Utc>>);

impl MockClock {
    /// A clock that shows `rfc3339`.
    ///
    /// # Panics
    /// When the text is no RFC 3339 time: this type is for tests.
    #[expect(
        clippy::expect_used,
        reason = "for tests: a bad literal is the test's bug"
    )]
    pub fn at(rfc3339: &str) -> Arc<MockClock> {
        let time = DateTime::parse_from_rfc3339(rfc3339).expect("an RFC 3339 time");
        Arc::new(MockClock(Mutex::new(time.with_timezone(&Utc))))
    }

    /// Moves the clock, forward or back.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += by;
    }
}

impl Clock for MockClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
