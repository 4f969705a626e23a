//! Asks an indicator without ever hanging: the check runs as a task of its own, callers share it and wait a bounded time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::health::{Health, HealthIndicator};

/// How long an answer waits for one indicator.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

type Running = watch::Receiver<Option<Health>>;

pub(crate) struct Probe {
    indicator: Arc<dyn HealthIndicator>,
    running: Mutex<Option<Running>>,
}

impl Probe {
    pub fn new(indicator: Arc<dyn HealthIndicator>) -> Self {
        Self {
            indicator,
            running: Mutex::new(None),
        }
    }

    pub fn name(&self) -> &'static str {
        self.indicator.name()
    }

    pub async fn ask(&self) -> Health {
        let mut answer = self.join_or_start();
        let waited = tokio::time::timeout(CHECK_TIMEOUT, answer.wait_for(Option::is_some)).await;
        match waited {
            Ok(Ok(health)) => health.clone().unwrap_or_else(Health::unknown),
            Ok(Err(_)) => Health::down("the health check broke off"),
            Err(_) => Health::down(format!("no answer within {} ms", CHECK_TIMEOUT.as_millis())),
        }
    }

    /// A check that hangs is joined, not repeated: scrapes must not pile up behind it.
    fn join_or_start(&self) -> Running {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = running.as_ref() {
            let unanswered = receiver.borrow().is_none() && receiver.has_changed().is_ok();
            if unanswered {
                return receiver.clone();
            }
        }
        let (sender, receiver) = watch::channel(None);
        let indicator = Arc::clone(&self.indicator);
        // A task, because a database future must not be dropped half-way when the time is over.
        tokio::spawn(async move {
            let health = indicator.check().await;
            let _ = sender.send(Some(health));
        });
        *running = Some(receiver.clone());
        receiver
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::health::Status;

    struct Gated {
        gate: Semaphore,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl HealthIndicator for Gated {
        fn name(&self) -> &'static str {
            "gated"
        }
        async fn check(&self) -> Health {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.gate.acquire().await.unwrap().forget();
            Health::up()
        }
    }

    #[tokio::test]
    async fn a_hanging_check_is_down_and_is_not_repeated() {
        let indicator = Arc::new(Gated {
            gate: Semaphore::new(0),
            asked: AtomicUsize::new(0),
        });
        let probe = Probe::new(indicator.clone());
        let begun = std::time::Instant::now();
        let (one, two) = tokio::join!(probe.ask(), probe.ask());
        assert!(begun.elapsed() < CHECK_TIMEOUT * 2);
        assert_eq!((one.status(), two.status()), (Status::Down, Status::Down));
        assert_eq!(indicator.asked.load(Ordering::SeqCst), 1);
        indicator.gate.add_permits(2);
        assert_eq!(probe.ask().await.status(), Status::Up);
        assert_eq!(probe.ask().await.status(), Status::Up);
    }

    struct Panics;

    #[async_trait]
    impl HealthIndicator for Panics {
        fn name(&self) -> &'static str {
            "panics"
        }
        async fn check(&self) -> Health {
            panic!("on purpose")
        }
    }

    #[tokio::test]
    async fn a_broken_check_is_down_each_time() {
        let probe = Probe::new(Arc::new(Panics));
        assert_eq!(probe.ask().await.status(), Status::Down);
        assert_eq!(probe.ask().await.status(), Status::Down);
    }
}
