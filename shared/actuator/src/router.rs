use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::routing::{get, post};
use mall_resilience::BreakerRegistry;
use mall_telemetry::Metrics;
use serde_json::Value;

use crate::breaker_metrics::bind_metrics;
use crate::health::HealthIndicator;
use crate::probe::Probe;
use crate::routes::{circuit_breakers, discovery, health, info, metrics, prometheus};

/// Whether this program takes requests. Starts refusing; clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    accepting: Arc<AtomicBool>,
}

impl Readiness {
    /// A flag that refuses until [`Readiness::accept`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests are welcome.
    pub fn accept(&self) {
        self.accepting.store(true, Ordering::SeqCst);
    }

    /// Please no more requests: the program starts or stops.
    pub fn refuse(&self) {
        self.accepting.store(false, Ordering::SeqCst);
    }

    /// The flag.
    pub fn is_accepting(&self) -> bool {
        self.accepting.load(Ordering::SeqCst)
    }
}

/// Which endpoints are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Exposure {
    /// Everything, with details: for a port that only insiders reach.
    #[default]
    All,
    /// Health without details, info and prometheus: for a public port.
    Edge,
}

/// The actuator of one program.
pub struct Actuator {
    /// The program's name.
    pub service: String,
    /// The answer of `/actuator/info`.
    pub info: Value,
    /// The health components, besides circuitBreakers, livenessState, ping and readinessState.
    pub indicators: Vec<Arc<dyn HealthIndicator>>,
    /// What metrics and prometheus show; the process's and the breakers' metrics are added.
    pub metrics: Metrics,
    /// What circuitbreakers shows and changes.
    pub breakers: BreakerRegistry,
    /// Drives the readiness probe.
    pub readiness: Readiness,
    /// How much is shown.
    pub exposure: Exposure,
}

impl fmt::Debug for Actuator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actuator")
            .field("service", &self.service)
            .field("exposure", &self.exposure)
            .finish()
    }
}

pub(crate) struct Shown {
    pub info: Value,
    pub probes: Vec<Probe>,
    pub metrics: Metrics,
    pub breakers: BreakerRegistry,
    pub readiness: Readiness,
    pub exposure: Exposure,
}

pub(crate) type SharedShown = Arc<Shown>;

impl Actuator {
    /// The routes under `/actuator`. Unknown paths and wrong methods are left to the router that takes them in.
    pub fn router(self) -> Router {
        mall_telemetry::process::bind(&self.metrics);
        bind_metrics(&self.breakers, &self.metrics);
        let exposure = self.exposure;
        let shown = Arc::new(Shown {
            info: self.info,
            probes: self.indicators.into_iter().map(Probe::new).collect(),
            metrics: self.metrics,
            breakers: self.breakers,
            readiness: self.readiness,
            exposure,
        });
        let edge = Router::new()
            .route("/actuator", get(discovery::handler))
            .route("/actuator/health", get(health::whole))
            .route("/actuator/health/", get(health::whole))
            .route("/actuator/health/{*path}", get(health::part))
            .route("/actuator/info", get(info::handler))
            .route("/actuator/prometheus", get(prometheus::handler));
        let router = match exposure {
            Exposure::Edge => edge,
            Exposure::All => edge
                .route("/actuator/metrics", get(metrics::names))
                .route("/actuator/metrics/{name}", get(metrics::one))
                .route("/actuator/circuitbreakers", get(circuit_breakers::list))
                .route(
                    "/actuator/circuitbreakers/{name}",
                    post(circuit_breakers::change),
                ),
        };
        router.with_state(shown)
    }
}
