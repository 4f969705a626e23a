//! Counters, gauges and timers under Micrometer's dotted names, instance-scoped.
//!
//! A family is a name, a series is a name with labels. Asking for a series again gives a handle to the same numbers, so
//! callers keep handles where it is hot and simply ask where it is not.

mod cells;
mod number;
mod render;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

pub use cells::{Counter, Gauge, Timer};
use cells::{CounterCell, GaugeCell, TimerCell};

/// A family takes no more series than this: a label that follows the callers must not eat the memory.
const MOST_SERIES: usize = 2000;

/// Labels sorted by key.
type Labels = Vec<(String, String)>;

/// All metrics of one program. Clones share everything.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    origin: Instant,
    families: RwLock<BTreeMap<String, Family>>,
}

struct Family {
    help: String,
    unit: Option<&'static str>,
    kind: Kind,
    series: BTreeMap<Labels, Series>,
    /// Somebody was told that no more series are taken.
    full_told: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Counter,
    Gauge,
    Timer,
}

#[derive(Clone)]
enum Series {
    Counter(Arc<CounterCell>),
    Gauge(Arc<GaugeCell>),
    Computed(Arc<dyn Fn() -> f64 + Send + Sync>),
    Timer(Arc<TimerCell>),
}

/// What `/actuator/metrics/{name}` shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookup {
    /// The dotted name.
    pub name: String,
    /// The help text, if there is one.
    pub description: Option<String>,
    /// `seconds`, `bytes` ...
    pub base_unit: Option<String>,
    /// Micrometer's statistic and its value over all series that match.
    pub measurements: Vec<(&'static str, f64)>,
    /// The label keys that were not selected, with the values that they have among the matching series.
    pub available_tags: Vec<(String, Vec<String>)>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Metrics {
    /// An empty set.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                origin: Instant::now(),
                families: RwLock::default(),
            }),
        }
    }

    /// A number that only grows; Prometheus shows it with `_total`.
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        match self.series(name, help, Kind::Counter, labels, || {
            Series::Counter(Arc::default())
        }) {
            Series::Counter(cell) => Counter(cell),
            _ => Counter(Arc::default()),
        }
    }

    /// A number that goes up and down.
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        match self.series(name, help, Kind::Gauge, labels, || {
            Series::Gauge(Arc::default())
        }) {
            Series::Gauge(cell) => Gauge(cell),
            _ => Gauge(Arc::default()),
        }
    }

    /// A gauge that is computed when somebody looks. The latest function for a series wins. It must be quick and must not
    /// register metrics itself.
    pub fn gauge_fn(
        &self,
        name: &str,
        help: &str,
        labels: &[(&str, &str)],
        value: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let value: Arc<dyn Fn() -> f64 + Send + Sync> = Arc::new(value);
        let mut families = self
            .shared
            .families
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let family = families
            .entry(name.to_owned())
            .or_insert_with(|| Family::new(help, Kind::Gauge));
        let labels = sorted(labels);
        if family.takes(name, Kind::Gauge, &labels) {
            family.series.insert(labels, Series::Computed(value));
        }
    }

    /// How often something happened, how long it took in all, and the longest of the last two to three minutes.
    pub fn timer(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Timer {
        let origin = self.shared.origin;
        let fresh = || Arc::new(TimerCell::starting(origin));
        match self.series(name, help, Kind::Timer, labels, || Series::Timer(fresh())) {
            Series::Timer(cell) => Timer(cell),
            _ => Timer(fresh()),
        }
    }

    /// Names the base unit (`seconds`, `bytes` ...) of a family that exists: Prometheus shows it at the end of the name.
    pub fn unit(&self, name: &str, unit: &'static str) {
        let mut families = self
            .shared
            .families
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(family) = families.get_mut(name) {
            family.unit = Some(unit);
        }
    }

    /// The exposition text. `included` keeps only the samples of these names; empty keeps all.
    pub fn render(&self, openmetrics: bool, included: &[String]) -> String {
        render::render(&self.snapshot(), openmetrics, included)
    }

    /// The dotted names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.shared
            .families
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .keys()
            .cloned()
            .collect()
    }

    /// One family over the series that carry all `tags`; `None` when no series does.
    pub fn lookup(&self, name: &str, tags: &[(String, String)]) -> Option<Lookup> {
        let family = self.snapshot_of(name)?;
        let matching: Vec<_> = family
            .series
            .iter()
            .filter(|(labels, _)| tags.iter().all(|tag| labels.contains(tag)))
            .collect();
        if matching.is_empty() {
            return None;
        }
        let mut measurements: Vec<(&'static str, f64)> = Vec::new();
        let mut available: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (labels, series) in matching {
            for (statistic, value) in series.statistics() {
                match measurements
                    .iter_mut()
                    .find(|(known, _)| *known == statistic)
                {
                    Some((_, sum)) if statistic == "MAX" => *sum = sum.max(value),
                    Some((_, sum)) => *sum += value,
                    None => measurements.push((statistic, value)),
                }
            }
            for (key, value) in labels
                .iter()
                .filter(|(key, _)| !tags.iter().any(|(selected, _)| selected == key))
            {
                let values = available.entry(key.clone()).or_default();
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
        }
        let unit = family
            .unit
            .or((family.kind == Kind::Timer).then_some("seconds"));
        Some(Lookup {
            name: name.to_owned(),
            description: Some(family.help.clone()).filter(|help| !help.is_empty()),
            base_unit: unit.map(str::to_owned),
            measurements,
            available_tags: available.into_iter().collect(),
        })
    }

    fn series(
        &self,
        name: &str,
        help: &str,
        kind: Kind,
        labels: &[(&str, &str)],
        fresh: impl FnOnce() -> Series,
    ) -> Series {
        let labels = sorted(labels);
        let known = {
            let families = self
                .shared
                .families
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            families
                .get(name)
                .and_then(|family| family.series.get(&labels).cloned())
        };
        if let Some(series) = known {
            return series;
        }
        let mut families = self
            .shared
            .families
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let family = families
            .entry(name.to_owned())
            .or_insert_with(|| Family::new(help, kind));
        if !family.takes(name, kind, &labels) {
            return fresh();
        }
        family.series.entry(labels).or_insert_with(fresh).clone()
    }

    /// A copy to read from: the functions of computed gauges run outside of the lock.
    fn snapshot(&self) -> Vec<(String, Family)> {
        let families = self
            .shared
            .families
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        families
            .iter()
            .map(|(name, family)| (name.clone(), family.copy()))
            .collect()
    }

    fn snapshot_of(&self, name: &str) -> Option<Family> {
        self.shared
            .families
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .map(Family::copy)
    }
}

impl Family {
    fn new(help: &str, kind: Kind) -> Self {
        Self {
            help: help.to_owned(),
            unit: None,
            kind,
            series: BTreeMap::new(),
            full_told: false,
        }
    }

    fn copy(&self) -> Self {
        Self {
            help: self.help.clone(),
            unit: self.unit,
            kind: self.kind,
            series: self.series.clone(),
            full_told: self.full_told,
        }
    }

    /// Whether a series may join. A refused one works, but nobody sees it: a wrong metric must not stop a program.
    fn takes(&mut self, name: &str, kind: Kind, labels: &Labels) -> bool {
        if self.kind != kind {
            tracing::warn!(
                metric = name,
                "metric {name} is a {:?}, not a {kind:?}: not shown",
                self.kind
            );
            return false;
        }
        let room = self.series.len() < MOST_SERIES || self.series.contains_key(labels);
        if !room && !std::mem::replace(&mut self.full_told, true) {
            tracing::warn!(
                metric = name,
                "metric {name} has {MOST_SERIES} series: no more are shown"
            );
        }
        room
    }
}

impl Series {
    fn statistics(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::Counter(cell) => vec![("COUNT", cell.value())],
            Self::Gauge(cell) => vec![("VALUE", cell.value())],
            Self::Computed(value) => vec![("VALUE", value())],
            Self::Timer(cell) => {
                let (count, sum, max) = cell.values();
                vec![("COUNT", count), ("TOTAL_TIME", sum), ("MAX", max)]
            }
        }
    }
}

fn sorted(labels: &[(&str, &str)]) -> Labels {
    let mut labels: Labels = labels
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    labels.sort();
    labels
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn tag(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn the_same_series_is_the_same_number() {
        let metrics = Metrics::new();
        metrics
            .counter("a.b", "help", &[("x", "1"), ("a", "2")])
            .inc();
        metrics
            .counter("a.b", "other help", &[("a", "2"), ("x", "1")])
            .add(2);
        let found = metrics.lookup("a.b", &[]).unwrap();
        assert_eq!(found.measurements, [("COUNT", 3.0)]);
        assert_eq!(found.description.as_deref(), Some("help"));
    }

    #[test]
    fn a_lookup_sums_what_matches_and_shows_what_is_left_to_select() {
        let metrics = Metrics::new();
        let timer = |uri, status| {
            metrics.timer(
                "http.server.requests",
                "",
                &[("uri", uri), ("status", status)],
            )
        };
        timer("/a", "200").record(Duration::from_millis(500));
        timer("/a", "404").record(Duration::from_millis(1500));
        timer("/b", "200").record(Duration::from_millis(250));
        let all = metrics.lookup("http.server.requests", &[]).unwrap();
        assert_eq!(
            all.measurements,
            [("COUNT", 3.0), ("TOTAL_TIME", 2.25), ("MAX", 1.5)]
        );
        assert_eq!(
            (all.base_unit.as_deref(), all.description.as_deref()),
            (Some("seconds"), None)
        );
        let one = metrics
            .lookup("http.server.requests", &[tag("uri", "/a")])
            .unwrap();
        assert_eq!(
            one.measurements,
            [("COUNT", 2.0), ("TOTAL_TIME", 2.0), ("MAX", 1.5)]
        );
        assert_eq!(
            one.available_tags,
            [(
                "status".to_owned(),
                vec!["200".to_owned(), "404".to_owned()]
            )]
        );
        assert_eq!(
            metrics.lookup("http.server.requests", &[tag("uri", "/c")]),
            None
        );
        assert_eq!(metrics.lookup("nope", &[]), None);
    }

    #[test]
    fn another_kind_under_a_known_name_is_not_shown_and_not_fatal() {
        let metrics = Metrics::new();
        metrics.gauge("a", "h", &[]).set(7.0);
        metrics.counter("a", "h", &[]).inc();
        metrics.timer("a", "h", &[]).record(Duration::from_secs(1));
        assert_eq!(
            metrics.lookup("a", &[]).unwrap().measurements,
            [("VALUE", 7.0)]
        );
    }

    #[test]
    fn labels_do_not_eat_the_memory() {
        let metrics = Metrics::new();
        for n in 0..MOST_SERIES + 50 {
            metrics.counter("a", "h", &[("n", &n.to_string())]).inc();
        }
        assert_eq!(
            metrics.lookup("a", &[]).unwrap().measurements,
            [("COUNT", MOST_SERIES as f64)]
        );
    }

    #[test]
    fn sets_are_apart() {
        let (one, two) = (Metrics::new(), Metrics::new());
        one.counter("a", "h", &[]).inc();
        assert!(two.names().is_empty());
    }
}
