//! Points as a test wants them, within its own process.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use crate::armed::{FaultPoints, Hook};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Plan {
    Crash,
    Hold,
}

#[derive(Default)]
struct State {
    plans: HashMap<&'static str, Plan>,
    /// Where somebody has been, in order.
    reached: Vec<&'static str>,
}

/// What happens at which point. Points without a plan are passed.
pub struct Script {
    state: watch::Sender<State>,
}

impl Script {
    /// Every point is passed.
    pub fn new() -> Arc<Script> {
        let (state, _) = watch::channel(State::default());
        Arc::new(Script { state })
    }

    /// The points to give to a component.
    pub fn points(self: &Arc<Self>) -> FaultPoints {
        FaultPoints::scripted(self.clone())
    }

    /// Whoever gets there never goes on, as if its process had died there.
    pub fn crash_at(&self, name: &'static str) {
        self.state.send_modify(|state| {
            state.plans.insert(name, Plan::Crash);
        });
    }

    /// Whoever gets there waits for [`let_go`](Self::let_go).
    pub fn hold_at(&self, name: &'static str) {
        self.state.send_modify(|state| {
            state.plans.insert(name, Plan::Hold);
        });
    }

    /// Those who wait there go on, and others pass. Who crashed stays dead.
    pub fn let_go(&self, name: &'static str) {
        self.state.send_modify(|state| {
            state.plans.remove(name);
        });
    }

    /// Until somebody has got there, once or more.
    pub async fn until_reached(&self, name: &'static str) {
        let mut state = self.state.subscribe();
        // The sender lives as long as `self`.
        let _ = state.wait_for(|state| state.reached.contains(&name)).await;
    }

    /// Where somebody has been, in order.
    pub fn reached(&self) -> Vec<&'static str> {
        self.state.borrow().reached.clone()
    }
}

impl Hook for Script {
    fn reach<'a>(&'a self, name: &'static str) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            let mut state = self.state.subscribe();
            self.state.send_modify(|state| state.reached.push(name));
            let plan = self.state.borrow().plans.get(name).copied();
            match plan {
                None => {}
                Some(Plan::Crash) => std::future::pending().await,
                Some(Plan::Hold) => {
                    let _ = state
                        .wait_for(|state| state.plans.get(name) != Some(&Plan::Hold))
                        .await;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Script;

    #[tokio::test]
    async fn points_are_passed_held_and_died_at() {
        let script = Script::new();
        let points = script.points();
        points.reach("free").await;
        script.hold_at("held");
        script.crash_at("dead");
        let held = tokio::spawn({
            let points = points.clone();
            async move { points.reach("held").await }
        });
        let dead = tokio::spawn(async move { points.reach("dead").await });
        script.until_reached("held").await;
        script.until_reached("dead").await;
        assert!(!held.is_finished());
        script.let_go("held");
        script.let_go("dead");
        held.await.unwrap();
        assert!(!dead.is_finished());
        let mut reached = script.reached();
        reached.sort_unstable();
        assert_eq!(reached, ["dead", "free", "held"]);
    }
}
