//! The program around the registry: settings, timers, meters, health.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use mall_actuator::{Health, HealthIndicator};
use mall_service::{App, Boot, Needs, Service};
use mall_telemetry::metrics::Metrics;
use utoipa_axum::router::OpenApiRouter;

use crate::{Config, RegistryState, router, upkeep};

/// The program.
pub struct Registry;

impl App for Registry {
    const NAME: &'static str = "discovery-server";
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = "eureka.server";
    const NEEDS: Needs = Needs {
        config_server: true,
        ..Needs::NONE
    };
    type Config = Config;

    fn validate(config: &Config, bad: &mut Vec<String>) {
        config.validate(bad);
    }

    async fn build(boot: Boot<Config>) -> anyhow::Result<Service> {
        let open_for_traffic_count = boot
            .settings
            .get_as::<u32>("eureka.instance.registry.default-open-for-traffic-count")
            .context("eureka.instance.registry.default-open-for-traffic-count")?
            .unwrap_or(1);
        let config = &boot.config;
        let state = Arc::new(RegistryState::new(
            config.registry(open_for_traffic_count),
            !config.disable_delta,
            boot.clock.clone(),
        ));
        measure(&boot.metrics, &state);
        for (name, work) in [
            (
                "evict",
                boxed(upkeep::evict(state.clone(), config.eviction_interval())),
            ),
            (
                "forget",
                boxed(upkeep::forget(state.clone(), config.forget_interval())),
            ),
        ] {
            let stopping = boot.tasks.stopping();
            boot.tasks.spawn(name, async move {
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = work => {}
                }
            });
        }
        let health = Arc::new(RegistryHealth(state.clone()));
        Ok(Service::new(OpenApiRouter::from(router(state)))
            .with_health(health)
            .without_api_docs())
    }
}

type Work = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn boxed(work: impl Future<Output = ()> + Send + 'static) -> Work {
    Box::pin(work)
}

fn measure(metrics: &Metrics, state: &Arc<RegistryState>) {
    let leases = state.clone();
    metrics.gauge_fn(
        "eureka.server.instances",
        "Registered instances.",
        &[],
        move || leases.registry().size() as f64,
    );
    let renewals = state.clone();
    metrics.gauge_fn(
        "eureka.server.renewals.last.minute",
        "Heartbeats in the last completed minute.",
        &[],
        move || renewals.registry().renewals(renewals.now()).0 as f64,
    );
    let threshold = state.clone();
    metrics.gauge_fn(
        "eureka.server.renewals.threshold",
        "Heartbeats per minute that must be exceeded for leases to expire.",
        &[],
        move || threshold.registry().renewals(threshold.now()).1 as f64,
    );
}

/// How many instances are there. Always up: an empty registry is a good registry.
struct RegistryHealth(Arc<RegistryState>);

#[async_trait]
impl HealthIndicator for RegistryHealth {
    fn name(&self) -> &'static str {
        "registry"
    }

    async fn check(&self) -> Health {
        Health::up().detail("instances", self.0.registry().size())
    }
}
