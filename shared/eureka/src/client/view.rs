//! Following the registry: a copy of it, kept by deltas and checked by its hash, and the view of it that callers read.
//!
//! The view may hold more than the copy. A registry that has just restarted knows nobody until they register again, and its
//! empty answer must not stop calls that work. So an instance that vanished without having been cancelled stays in the view for
//! the length of its own lease, in which a living one renews and comes back. A cancelled or evicted one goes at once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};

use super::transport::TransportError;
use super::{Backoff, Shared, jitter};
use crate::wire::{self, ActionType, Applications, Instance, InstanceStatus, json_in};

/// A registry forgets changes after three minutes; a copy older than this is not brought up to date by a delta.
const DELTA_REACH: Duration = Duration::from_secs(120);
/// Longest stay of a vanished instance, whatever lease it asked for.
const LONGEST_LINGER: Duration = Duration::from_secs(90);

/// What callers read.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) names: Vec<String>,
    up: HashMap<String, Arc<[Instance]>>,
}

impl Snapshot {
    pub(super) fn up(&self, app: &str) -> Arc<[Instance]> {
        let found = self
            .up
            .get(app)
            .or_else(|| self.up.get(&app.to_uppercase()));
        found.cloned().unwrap_or_else(|| Arc::from([]))
    }
}

/// The copy of the registry.
#[derive(Debug, Default)]
struct Mirror {
    instances: BTreeMap<Key, Instance>,
    vanished: BTreeMap<Key, (Instance, Instant)>,
}

type Key = (String, String);

impl Mirror {
    fn apply(&mut self, delta: Applications) {
        for application in delta.applications {
            for instance in application.instances {
                let key = (application.name.clone(), instance.id().to_owned());
                self.vanished.remove(&key);
                if instance.action_type == Some(ActionType::Deleted) {
                    self.instances.remove(&key);
                } else {
                    self.instances.insert(key, instance);
                }
            }
        }
    }

    fn replace(&mut self, full: Applications, keep_vanished: bool, now: Instant) {
        let before = std::mem::take(&mut self.instances);
        self.apply(full);
        if !keep_vanished {
            self.vanished.clear();
            return;
        }
        for (key, instance) in before {
            if !self.instances.contains_key(&key) {
                let secs = u64::try_from(instance.lease.duration_secs).unwrap_or(0);
                let until = now + Duration::from_secs(secs).min(LONGEST_LINGER);
                self.vanished.insert(key, (instance, until));
            }
        }
    }

    fn hash(&self) -> String {
        wire::hash(self.instances.values())
    }

    fn snapshot(&mut self, now: Instant) -> Snapshot {
        self.vanished.retain(|_, (_, until)| *until > now);
        let mut up: BTreeMap<&String, Vec<Instance>> = BTreeMap::new();
        let vanished = self
            .vanished
            .iter()
            .map(|(key, (instance, _))| (key, instance));
        for ((app, _), instance) in self.instances.iter().chain(vanished) {
            let entry = up.entry(app).or_default();
            if instance.status == InstanceStatus::Up {
                entry.push(instance.clone());
            }
        }
        Snapshot {
            names: up.keys().map(|name| (*name).clone()).collect(),
            up: up
                .into_iter()
                .map(|(name, instances)| (name.clone(), instances.into()))
                .collect(),
        }
    }
}

/// Runs until the client stops.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut follower = Follower::default();
    let mut backoff = Backoff::up_to(shared.config.fetch_interval);
    let mut away = false;
    loop {
        let pause = match follower.refresh(&shared).await {
            Ok(()) => {
                away = false;
                backoff = Backoff::up_to(shared.config.fetch_interval);
                jitter(shared.config.fetch_interval)
            }
            Err(error) => {
                if !std::mem::replace(&mut away, true) {
                    tracing::warn!(error = %error, "the registry cannot be read; working on with the last view");
                }
                backoff.next()
            }
        };
        if !shared.pause(pause, std::future::pending()).await {
            return;
        }
    }
}

#[derive(Default)]
struct Follower {
    mirror: Mirror,
    /// When and from which URL the mirror was last brought up to date.
    current: Option<(Instant, usize)>,
}

impl Follower {
    async fn refresh(&mut self, shared: &Shared) -> Result<(), TransportError> {
        let fresh = self
            .current
            .is_some_and(|(at, _)| at.elapsed() < DELTA_REACH);
        let mut keep_vanished = true;
        if fresh && !self.mirror.instances.is_empty() {
            let reply = shared
                .transport
                .send(Method::GET, &["apps", "delta"], &[], None)
                .await?;
            if reply.status.is_success() {
                let delta = read(&reply.body, shared)?;
                let hash = delta.hash.clone();
                self.mirror.apply(delta);
                let same_source = self
                    .current
                    .is_some_and(|(_, source)| source == reply.source);
                if same_source && self.mirror.hash() == hash {
                    self.publish(shared, reply.source);
                    return Ok(());
                }
                tracing::debug!(
                    "the delta does not lead to the registry's state; fetching all of it"
                );
            } else {
                // No deltas there: what is gone may well have been cancelled.
                keep_vanished = false;
            }
        }
        let reply = shared
            .transport
            .send(Method::GET, &["apps", ""], &[], None)
            .await?;
        if reply.status != StatusCode::OK {
            return Err(reply.refused("fetch"));
        }
        let full = read(&reply.body, shared)?;
        self.mirror.replace(full, keep_vanished, Instant::now());
        self.publish(shared, reply.source);
        Ok(())
    }

    fn publish(&mut self, shared: &Shared, source: usize) {
        let now = Instant::now();
        let snapshot = Arc::new(self.mirror.snapshot(now));
        *shared
            .snapshot
            .write()
            .unwrap_or_else(PoisonError::into_inner) = snapshot;
        self.current = Some((now, source));
        shared.fetched.send_replace(Some(now));
    }
}

fn read(body: &[u8], shared: &Shared) -> Result<Applications, TransportError> {
    let now = shared.clock.now().timestamp_millis();
    Ok(json_in::applications(body, now)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Application;

    fn instance(app: &str, id: &str) -> Instance {
        let mut instance = Instance::new(app, id, "h", "1.2.3.4", 80);
        instance.lease.duration_secs = 15;
        instance
    }

    fn applications(instances: Vec<(Instance, ActionType)>) -> Applications {
        let applications = instances
            .into_iter()
            .map(|(mut instance, action)| {
                instance.action_type = Some(action);
                Application {
                    name: instance.app.clone(),
                    instances: vec![instance],
                }
            })
            .collect();
        Applications {
            applications,
            ..Applications::default()
        }
    }

    fn full(ids: &[&str]) -> Applications {
        applications(
            ids.iter()
                .map(|id| (instance("cart", id), ActionType::Added))
                .collect(),
        )
    }

    fn ids(mirror: &mut Mirror, now: Instant) -> Vec<String> {
        let snapshot = mirror.snapshot(now);
        snapshot
            .up("cart")
            .iter()
            .map(|instance| instance.id().to_owned())
            .collect()
    }

    #[test]
    fn a_delta_adds_changes_and_removes() {
        let now = Instant::now();
        let mut mirror = Mirror::default();
        mirror.replace(full(&["a", "b"]), true, now);
        let mut down = instance("cart", "a");
        down.status = InstanceStatus::Down;
        mirror.apply(applications(vec![
            (down, ActionType::Modified),
            (instance("cart", "b"), ActionType::Deleted),
            (instance("cart", "c"), ActionType::Added),
        ]));
        assert_eq!(ids(&mut mirror, now), ["c"]);
        assert_eq!(mirror.hash(), "DOWN_1_UP_1_");
        // Repeating a delta changes nothing: registries send a change for three minutes.
        mirror.apply(applications(vec![(
            instance("cart", "b"),
            ActionType::Deleted,
        )]));
        assert_eq!(mirror.hash(), "DOWN_1_UP_1_");
    }

    #[test]
    fn what_vanishes_from_a_restarted_registry_stays_for_its_lease() {
        let now = Instant::now();
        let mut mirror = Mirror::default();
        mirror.replace(full(&["a", "b"]), true, now);
        mirror.replace(full(&[]), true, now);
        assert_eq!(ids(&mut mirror, now), ["a", "b"]);
        assert_eq!(mirror.hash(), "");
        // Back again: not twice.
        mirror.replace(full(&["a"]), true, now);
        assert_eq!(ids(&mut mirror, now), ["a", "b"]);
        assert_eq!(ids(&mut mirror, now + Duration::from_secs(14)), ["a", "b"]);
        assert_eq!(ids(&mut mirror, now + Duration::from_secs(15)), ["a"]);
    }

    #[test]
    fn what_was_cancelled_goes_at_once() {
        let now = Instant::now();
        let mut mirror = Mirror::default();
        mirror.replace(full(&["a", "b"]), true, now);
        mirror.apply(applications(vec![(
            instance("cart", "b"),
            ActionType::Deleted,
        )]));
        mirror.replace(full(&["a"]), true, now);
        assert_eq!(ids(&mut mirror, now), ["a"]);
        mirror.replace(full(&[]), false, now);
        assert!(ids(&mut mirror, now).is_empty());
        assert!(mirror.snapshot(now).names.is_empty());
    }

    #[test]
    fn names_are_found_in_any_case() {
        let mut mirror = Mirror::default();
        mirror.replace(full(&["a"]), true, Instant::now());
        let snapshot = mirror.snapshot(Instant::now());
        assert_eq!(snapshot.names, ["CART"]);
        for name in ["cart", "CART", "Cart"] {
            assert_eq!(snapshot.up(name).len(), 1);
        }
        assert!(snapshot.up("other").is_empty());
    }
}
