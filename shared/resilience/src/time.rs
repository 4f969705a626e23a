use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A monotonic clock: time since an arbitrary origin. It never steps back, unlike the wall clock.
pub trait TimeSource: Send + Sync + Debug {
    /// Time since the origin.
    fn now(&self) -> Duration;
}

/// How the crate passes its clock around.
pub type SharedTime = Arc<dyn TimeSource>;

/// The operating system's monotonic clock, counted from the creation of this value.
#[derive(Debug)]
pub struct MonotonicTime {
    origin: Instant,
}

impl MonotonicTime {
    /// A shared clock that starts at zero now.
    pub fn shared() -> SharedTime {
        Arc::new(Self {
            origin: Instant::now(),
        })
    }
}

impl TimeSource for MonotonicTime {
    fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug, Default)]
pub struct ManualTime {
    nanos: AtomicU64,
}

impl ManualTime {
    /// A clock at zero.
    pub fn shared() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.nanos.fetch_add(by.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl TimeSource for ManualTime {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}
