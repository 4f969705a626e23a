//! What all handlers share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mall_clock::SharedClock;

use crate::instance_registry::{InstanceRegistry, RegistrySettings};

/// The registry behind its lock, and the time.
pub struct RegistryState {
    registry: Mutex<InstanceRegistry>,
    clock: SharedClock,
    deltas: bool,
}

impl RegistryState {
    /// An empty registry; `deltas` off makes clients fetch everything.
    pub fn new(settings: RegistrySettings, deltas: bool, clock: SharedClock) -> Self {
        let now = clock.now().timestamp_millis();
        Self {
            registry: Mutex::new(InstanceRegistry::new(settings, now)),
            clock,
            deltas,
        }
    }

    /// The registry. Held for the length of one operation, never across an await.
    pub fn registry(&self) -> MutexGuard<'_, InstanceRegistry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since 1970.
    pub fn now(&self) -> i64 {
        self.clock.now().timestamp_millis()
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    pub(crate) fn deltas(&self) -> bool {
        self.deltas
    }
}
