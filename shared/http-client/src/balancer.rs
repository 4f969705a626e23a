//! Chooses an instance: the less busy of two drawn at random, without those that failed lately.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use http::uri::Authority;
use mall_resilience::{MonotonicTime, SharedTime};

use crate::discovery::{Discovery, Endpoint, Version};

/// The first ejection; each further one without a success in between lasts twice as long.
const FIRST_EJECTION: Duration = Duration::from_secs(1);
const LONGEST_EJECTION: Duration = Duration::from_secs(30);
/// So many lost or late answers in a row eject an instance; a refused connection does at once.
const SUSPICIONS: u32 = 3;

/// Chooses instances and remembers how they did. Clones share everything.
#[derive(Clone)]
pub struct Balancer {
    shared: Arc<Shared>,
}

struct Shared {
    discovery: Arc<dyn Discovery>,
    time: SharedTime,
    /// What was told last, by the service's name as it is asked for.
    views: RwLock<HashMap<String, Arc<View>>>,
    records: Mutex<HashMap<String, HashMap<String, Arc<Record>>>>,
}

/// The instances of a service, ready to be chosen from.
struct View {
    version: Option<Version>,
    members: Vec<Member>,
}

struct Member {
    endpoint: Arc<Endpoint>,
    authority: Option<Authority>,
    record: Arc<Record>,
}

/// What we know of one instance.
#[derive(Default)]
struct Record {
    in_flight: AtomicU32,
    /// Whether there is anything in `trouble`; most of the time there is not.
    troubled: AtomicBool,
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    suspicions: u32,
    ejections: u32,
    ejected_until: Duration,
}

impl fmt::Debug for Balancer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balancer").finish_non_exhaustive()
    }
}

impl Balancer {
    /// A balancer over that view.
    pub fn new(discovery: Arc<dyn Discovery>) -> Self {
        Self::with_time(discovery, MonotonicTime::shared())
    }

    /// The same on a clock of your own.
    pub fn with_time(discovery: Arc<dyn Discovery>, time: SharedTime) -> Self {
        Self {
            shared: Arc::new(Shared {
                discovery,
                time,
                views: RwLock::default(),
                records: Mutex::default(),
            }),
        }
    }

    /// An instance of `service` whose id is not in `exclude`; `None` when there is none. Ejected ones are taken only
    /// when all are ejected.
    pub fn pick(&self, service: &str, exclude: &[String]) -> Option<Pick> {
        let view = self.view(service);
        let now = self.shared.time.now();
        let candidates = || {
            view.members
                .iter()
                .filter(|member| !exclude.contains(&member.endpoint.id))
        };
        let sound = || candidates().filter(|member| !member.record.is_ejected(now));
        let member = match sound().count() {
            0 => less_busy_of_two(candidates)?,
            _ => less_busy_of_two(sound)?,
        };
        member.record.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(Pick {
            endpoint: Arc::clone(&member.endpoint),
            authority: member.authority.clone(),
            record: Arc::clone(&member.record),
            time: Arc::clone(&self.shared.time),
        })
    }

    /// How many instances of `service` may be called, besides those in `exclude`.
    pub fn count(&self, service: &str, exclude: &[String]) -> usize {
        self.view(service)
            .members
            .iter()
            .filter(|member| !exclude.contains(&member.endpoint.id))
            .count()
    }

    fn view(&self, service: &str) -> Arc<View> {
        // Asked before the endpoints are: what is told in between is then told again, and not missed.
        let version = self.shared.discovery.version(service);
        if version.is_some() {
            let views = self
                .shared
                .views
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(view) = views.get(service)
                && view.version == version
            {
                return Arc::clone(view);
            }
        }
        let endpoints = self.shared.discovery.endpoints(service);
        let records = self.records(service, &endpoints);
        let member = |endpoint: Endpoint| {
            let record = records.get(&endpoint.id).cloned()?;
            Some(Member {
                authority: endpoint.authority().parse().ok(),
                endpoint: Arc::new(endpoint),
                record,
            })
        };
        let view = Arc::new(View {
            version,
            members: endpoints.into_iter().filter_map(member).collect(),
        });
        if view.version.is_some() {
            self.shared
                .views
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(service.to_owned(), Arc::clone(&view));
        }
        view
    }

    /// The records of the endpoints; those of instances that are gone and idle are forgotten.
    fn records(&self, service: &str, endpoints: &[Endpoint]) -> HashMap<String, Arc<Record>> {
        let mut all = self
            .shared
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let of_service = all.entry(service.to_lowercase()).or_default();
        for endpoint in endpoints {
            if !of_service.contains_key(&endpoint.id) {
                of_service.insert(endpoint.id.clone(), Arc::default());
            }
        }
        if of_service.len() > endpoints.len() {
            of_service.retain(|id, record| {
                endpoints.iter().any(|endpoint| endpoint.id == *id)
                    || record.in_flight.load(Ordering::Relaxed) > 0
            });
        }
        of_service.clone()
    }
}

fn less_busy_of_two<'m, I: Iterator<Item = &'m Member>>(
    candidates: impl Fn() -> I,
) -> Option<&'m Member> {
    let count = candidates().count();
    if count < 2 {
        return candidates().next();
    }
    let first = rand::random_range(0..count);
    let mut second = rand::random_range(0..count - 1);
    if second >= first {
        second += 1;
    }
    // Others may come to other conclusions meanwhile: the second look may see fewer.
    let one = candidates().nth(first);
    let two = candidates().nth(second);
    let load = |member: &Member| member.record.in_flight.load(Ordering::Relaxed);
    match (one, two) {
        (Some(one), Some(two)) if load(two) < load(one) => Some(two),
        (None, two) => two,
        (one, _) => one,
    }
}

/// A chosen instance; counts as a call in flight until it is dropped or told its outcome.
pub struct Pick {
    /// Where to call.
    pub endpoint: Arc<Endpoint>,
    authority: Option<Authority>,
    record: Arc<Record>,
    time: SharedTime,
}

impl fmt::Debug for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pick")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Pick {
    /// `host:port`, ready for a request; `None` when the host is no host.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// The instance answered, whatever it said.
    pub fn success(self) {
        if self.record.troubled.load(Ordering::Relaxed) {
            let mut trouble = self.record.trouble();
            *trouble = Trouble::default();
            self.record.troubled.store(false, Ordering::Relaxed);
        }
    }

    /// The instance could not be reached: it is ejected for a growing while.
    pub fn failure(self) {
        let now = self.time.now();
        let mut trouble = self.record.trouble();
        self.record.troubled.store(true, Ordering::Relaxed);
        trouble.eject(now);
    }

    /// The answer was late or lost: several such in a row eject the instance.
    pub fn suspect(self) {
        let now = self.time.now();
        let mut trouble = self.record.trouble();
        self.record.troubled.store(true, Ordering::Relaxed);
        trouble.suspicions += 1;
        if trouble.suspicions >= SUSPICIONS {
            trouble.eject(now);
        }
    }
}

impl Drop for Pick {
    fn drop(&mut self) {
        self.record.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Record {
    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ejected(&self, now: Duration) -> bool {
        self.troubled.load(Ordering::Relaxed) && now < self.trouble().ejected_until
    }
}

impl Trouble {
    fn eject(&mut self, now: Duration) {
        // Calls that were under way when it failed fail together: that is one failure, not many.
        if now < self.ejected_until {
            return;
        }
        let wait = FIRST_EJECTION
            .saturating_mul(1 << self.ejections.min(5))
            .min(LONGEST_EJECTION);
        self.ejections += 1;
        self.suspicions = 0;
        self.ejected_until = now + wait;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use mall_resilience::ManualTime;

    use super::*;
    use crate::discovery::StaticDiscovery;

    fn endpoint(id: &str) -> Endpoint {
        Endpoint {
            id: id.to_owned(),
            host: "h".to_owned(),
            port: 1,
        }
    }

    fn balancer(ids: &[&str]) -> (Balancer, Arc<ManualTime>) {
        let time = ManualTime::shared();
        let list = ids.iter().map(|id| endpoint(id)).collect();
        let discovery = StaticDiscovery([("Products".to_owned(), list)].into());
        (Balancer::with_time(Arc::new(discovery), time.clone()), time)
    }

    fn ids(balancer: &Balancer) -> HashSet<String> {
        (0..200)
            .filter_map(|_| balancer.pick("products", &[]))
            .map(|pick| pick.endpoint.id.clone())
            .collect()
    }

    fn set(ids: &[&str]) -> HashSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    fn take(balancer: &Balancer, id: &str) -> Pick {
        let others: Vec<String> = ["a", "b", "c"]
            .iter()
            .filter(|other| **other != id)
            .map(|o| (*o).to_owned())
            .collect();
        balancer.pick("products", &others).unwrap()
    }

    #[test]
    fn all_are_used_and_the_excluded_are_not() {
        let (balancer, _) = balancer(&["a", "b", "c"]);
        assert_eq!(ids(&balancer), set(&["a", "b", "c"]));
        assert_eq!(
            balancer
                .pick("PRODUCTS", &["a".into(), "b".into()])
                .unwrap()
                .endpoint
                .id,
            "c"
        );
        assert!(
            balancer
                .pick("products", &["a".into(), "b".into(), "c".into()])
                .is_none()
        );
        assert!(balancer.pick("nobody", &[]).is_none());
    }

    #[test]
    fn the_less_busy_of_two_is_taken() {
        let (balancer, _) = balancer(&["a", "b"]);
        let held: Vec<Pick> = (0..10)
            .map(|_| balancer.pick("products", &[]).unwrap())
            .collect();
        let on_a = held.iter().filter(|pick| pick.endpoint.id == "a").count();
        assert_eq!(on_a, 5, "two instances share ten calls evenly");
        drop(held);
        let busy = take(&balancer, "a");
        assert_eq!(ids(&balancer), set(&["b"]));
        drop(busy);
        assert_eq!(ids(&balancer), set(&["a", "b"]));
    }

    #[test]
    fn a_failing_instance_is_left_alone_for_a_growing_while() {
        let (balancer, time) = balancer(&["a", "b"]);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            take(&balancer, "a").failure();
            time.advance(Duration::from_secs(seconds) - Duration::from_millis(1));
            assert_eq!(ids(&balancer), set(&["b"]), "{seconds} s");
            time.advance(Duration::from_millis(1));
            assert_eq!(ids(&balancer), set(&["a", "b"]), "{seconds} s");
        }
        take(&balancer, "a").success();
        take(&balancer, "a").failure();
        time.advance(Duration::from_secs(1));
        assert_eq!(ids(&balancer), set(&["a", "b"]), "a success forgives");
    }

    #[test]
    fn failures_at_once_are_one_failure() {
        let (balancer, time) = balancer(&["a", "b"]);
        let flight: Vec<Pick> = (0..50).map(|_| take(&balancer, "a")).collect();
        flight.into_iter().for_each(Pick::failure);
        time.advance(Duration::from_secs(1));
        assert_eq!(ids(&balancer), set(&["a", "b"]));
    }

    #[test]
    fn late_answers_eject_only_in_a_row() {
        let (balancer, _) = balancer(&["a", "b"]);
        take(&balancer, "a").suspect();
        take(&balancer, "a").suspect();
        take(&balancer, "a").success();
        take(&balancer, "a").suspect();
        take(&balancer, "a").suspect();
        assert_eq!(ids(&balancer), set(&["a", "b"]));
        take(&balancer, "a").suspect();
        assert_eq!(ids(&balancer), set(&["b"]));
    }

    #[test]
    fn when_all_are_ejected_all_are_tried() {
        let (balancer, _) = balancer(&["a", "b"]);
        take(&balancer, "a").failure();
        take(&balancer, "b").failure();
        assert_eq!(ids(&balancer), set(&["a", "b"]));
    }
}
