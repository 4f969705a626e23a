//! Waiting for what another process or task will do.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Asks again every 25 ms until the answer is `Ok`. Panics at the deadline with the last reason.
///
/// # Panics
/// When the condition has not come true in time.
pub async fn eventually<T, E, F>(deadline: Duration, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
    E: Debug,
{
    let started = Instant::now();
    loop {
        match condition().await {
            Ok(value) => return value,
            Err(reason) => {
                assert!(
                    started.elapsed() < deadline,
                    "not within {deadline:?}: {reason:?}"
                );
            }
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
