use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::breaker::CircuitBreaker;
use crate::config::CircuitBreakerConfig;
use crate::time::{MonotonicTime, SharedTime};

type Observer = Arc<dyn Fn(&Arc<CircuitBreaker>) + Send + Sync>;

/// All breakers of one program by name. Clones share everything.
#[derive(Clone)]
pub struct BreakerRegistry {
    shared: Arc<Shared>,
}

struct Shared {
    default: CircuitBreakerConfig,
    instances: BTreeMap<String, CircuitBreakerConfig>,
    time: SharedTime,
    state: RwLock<Breakers>,
}

#[derive(Default)]
struct Breakers {
    by_name: BTreeMap<String, Arc<CircuitBreaker>>,
    observers: BTreeMap<&'static str, Observer>,
}

impl fmt::Debug for BreakerRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

impl Default for BreakerRegistry {
    fn default() -> Self {
        Self::new(CircuitBreakerConfig::default(), BTreeMap::new())
    }
}

impl BreakerRegistry {
    /// A registry with the config of unnamed breakers and the named instances, which exist from the start.
    pub fn new(
        default: CircuitBreakerConfig,
        instances: BTreeMap<String, CircuitBreakerConfig>,
    ) -> Self {
        Self::with_time(default, instances, MonotonicTime::shared())
    }

    /// The same on a clock of your own.
    pub fn with_time(
        default: CircuitBreakerConfig,
        instances: BTreeMap<String, CircuitBreakerConfig>,
        time: SharedTime,
    ) -> Self {
        let names: Vec<String> = instances.keys().cloned().collect();
        let shared = Shared {
            default,
            instances,
            time,
            state: RwLock::default(),
        };
        let registry = Self {
            shared: Arc::new(shared),
        };
        for name in names {
            registry.get(&name);
        }
        registry
    }

    /// The breaker of that name, created closed at the first call: with its own config, else with the default one.
    pub fn get(&self, name: &str) -> Arc<CircuitBreaker> {
        if let Some(known) = self.find(name) {
            return known;
        }
        let mut state = self
            .shared
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.by_name.get(name) {
            return Arc::clone(known);
        }
        let config = self
            .shared
            .instances
            .get(name)
            .unwrap_or(&self.shared.default)
            .clone();
        let breaker = Arc::new(CircuitBreaker::with_time(
            name,
            config,
            Arc::clone(&self.shared.time),
        ));
        state.by_name.insert(name.to_owned(), Arc::clone(&breaker));
        for observer in state.observers.values() {
            observer(&breaker);
        }
        breaker
    }

    /// The breaker of that name, if it exists already.
    pub fn find(&self, name: &str) -> Option<Arc<CircuitBreaker>> {
        let state = self
            .shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        state.by_name.get(name).map(Arc::clone)
    }

    /// All breakers, by name.
    pub fn all(&self) -> Vec<Arc<CircuitBreaker>> {
        let state = self
            .shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        state.by_name.values().map(Arc::clone).collect()
    }

    /// Calls `observer` once for every breaker, those there now and those to come. `who` names the observer: a second
    /// one of the same name is not taken. Returns whether it was. The observer must not call back into the registry.
    pub fn observe(
        &self,
        who: &'static str,
        observer: impl Fn(&Arc<CircuitBreaker>) + Send + Sync + 'static,
    ) -> bool {
        let mut state = self
            .shared
            .state
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if state.observers.contains_key(who) {
            return false;
        }
        for breaker in state.by_name.values() {
            observer(breaker);
        }
        state.observers.insert(who, Arc::new(observer));
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn named_instances_exist_at_once_and_unknown_names_take_the_default() {
        let own = CircuitBreakerConfig {
            sliding_window_size: 7,
            ..CircuitBreakerConfig::default()
        };
        let registry = BreakerRegistry::new(
            CircuitBreakerConfig::default(),
            [("b".to_owned(), own)].into(),
        );
        assert_eq!(registry.all().len(), 1);
        assert_eq!(registry.get("b").config().sliding_window_size, 7);
        assert!(registry.find("a").is_none());
        assert_eq!(registry.get("a").config().sliding_window_size, 100);
        assert!(Arc::ptr_eq(&registry.get("a"), &registry.clone().get("a")));
        let names: Vec<String> = registry.all().iter().map(|b| b.name().to_owned()).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn an_observer_sees_each_breaker_once() {
        let registry = BreakerRegistry::default();
        registry.get("early");
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        assert!(registry.observe("test", move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        }));
        assert!(!registry.observe("test", |_| panic!("a second observer of that name")));
        registry.get("late");
        registry.get("late");
        assert_eq!(seen.load(Ordering::SeqCst), 2);
    }
}
