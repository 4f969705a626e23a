//! The registry's timers: evicting expired leases, forgetting old changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::state::RegistryState;

/// Evicts every `period`, first after one. Ends only when it is dropped.
pub async fn evict(state: Arc<RegistryState>, period: Duration) {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last: Option<Instant> = None;
    loop {
        ticks.tick().await;
        // A process that was paused must not take its own sleep for everybody else's silence.
        let late = last.map_or(Duration::ZERO, |last| last.elapsed().saturating_sub(period));
        last = Some(Instant::now());
        let late = i64::try_from(late.as_millis()).unwrap_or(i64::MAX);
        let evicted = state
            .registry()
            .evict(late, state.now(), |below| rand::random_range(0..below));
        for (app, id) in evicted {
            tracing::warn!(app, id, "the lease has run out; evicted");
        }
    }
}

/// Forgets old changes every `period`. Ends only when it is dropped.
pub async fn forget(state: Arc<RegistryState>, period: Duration) {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        state.registry().forget_old_changes(state.now());
    }
}
