//! What a program tells about itself, and what it is given.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use mall_actuator::{Exposure, HealthIndicator};
use mall_auth::{InternalKeys, TokenKeys};
use mall_clock::{SharedClock, Zone};
use mall_db::{Db, Migration};
use mall_http_client::{Balancer, CallClient, Discovery};
use mall_resilience::BreakerRegistry;
use mall_spring_config::Settings;
use mall_telemetry::metrics::Metrics;
use serde::de::DeserializeOwned;
use utoipa_axum::router::OpenApiRouter;

use crate::Tasks;

/// What a program depends on. What it does not need is neither asked for nor waited for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    /// A schema of its own (`spring.datasource.*`).
    pub mysql: bool,
    /// Redis (`spring.data.redis.*`).
    pub redis: bool,
    /// To be found by others, and to find and call them (`eureka.*`, `mall.internal.key`).
    pub registry: bool,
    /// To sign or verify the tokens of people (`jwt.secret`).
    pub tokens: bool,
    /// Settings from the config server, when `CONFIG_SERVER_URL` is given.
    pub config_server: bool,
}

impl Needs {
    /// Nothing but itself.
    pub const NONE: Needs = Needs {
        mysql: false,
        redis: false,
        registry: false,
        tokens: false,
        config_server: false,
    };
}

/// A program of the mall.
pub trait App: Sized + Send + Sync + 'static {
    /// Its id in the registry and its name in the config store, such as `application-cart`.
    const NAME: &'static str;
    /// Its compiled-in defaults, YAML: the weakest property source.
    const DEFAULTS: &'static str;
    /// Where its own settings stand, such as `mall.carts`.
    const SECTION: &'static str;
    /// What it depends on.
    const NEEDS: Needs;
    /// Its own settings, bound from [`App::SECTION`].
    type Config: DeserializeOwned + Send + Sync + 'static;

    /// Names every senseless setting, as `mall.carts.max-count: must be at least 1`.
    fn validate(_config: &Self::Config, _bad: &mut Vec<String>) {}

    /// The steps of its schema.
    fn migrations() -> &'static [Migration] {
        &[]
    }

    /// Puts the program together. Its port is bound, but nothing is served before this returns.
    fn build(boot: Boot<Self::Config>) -> impl Future<Output = anyhow::Result<Service>> + Send;
}

/// What a program is built from.
pub struct Boot<C> {
    /// [`App::NAME`].
    pub name: &'static str,
    /// Its own settings.
    pub config: C,
    /// All settings.
    pub settings: Arc<Settings>,
    /// The time of day.
    pub clock: SharedClock,
    /// The mall's zone (`mall.zone`).
    pub zone: Zone,
    /// The program's meters.
    pub metrics: Metrics,
    /// Its circuit breakers.
    pub breakers: BreakerRegistry,
    /// How it finds others; with [`Needs::registry`].
    pub discovery: Option<Arc<dyn Discovery>>,
    /// Picks an instance; with [`Needs::registry`].
    pub balancer: Option<Balancer>,
    /// How it calls others; with [`Needs::registry`].
    pub calls: Option<CallClient>,
    /// Signs and verifies statements between programs, when `mall.internal.key` is set.
    pub keys: Option<InternalKeys>,
    /// Signs and verifies the tokens of people; with [`Needs::tokens`].
    pub tokens: Option<TokenKeys>,
    /// Its database; with [`Needs::mysql`].
    pub db: Option<Db>,
    /// Redis; with [`Needs::redis`].
    pub redis: Option<redis::aio::ConnectionManager>,
    /// For connections of one's own to Redis (subscriptions); with [`Needs::redis`].
    pub redis_client: Option<redis::Client>,
    /// Background work.
    pub tasks: Tasks,
    /// Whether the profile `local` is active: demo values are allowed, cookies need no TLS.
    pub local: bool,
}

impl<C> Boot<C> {
    /// The database, or an error that says that [`App::NEEDS`] lacks it.
    pub fn db(&self) -> anyhow::Result<Db> {
        self.db
            .clone()
            .context("this program declared no need of mysql")
    }

    /// Redis, or an error that says that [`App::NEEDS`] lacks it.
    pub fn redis(&self) -> anyhow::Result<redis::aio::ConnectionManager> {
        self.redis
            .clone()
            .context("this program declared no need of redis")
    }

    /// For connections of one's own to Redis, or an error that says that [`App::NEEDS`] lacks it.
    pub fn redis_client(&self) -> anyhow::Result<redis::Client> {
        self.redis_client
            .clone()
            .context("this program declared no need of redis")
    }

    /// The way to other services, or an error that says that [`App::NEEDS`] lacks it.
    pub fn calls(&self) -> anyhow::Result<CallClient> {
        self.calls
            .clone()
            .context("this program declared no need of the registry")
    }

    /// Picks instances, or an error that says that [`App::NEEDS`] lacks the registry.
    pub fn balancer(&self) -> anyhow::Result<Balancer> {
        self.balancer
            .clone()
            .context("this program declared no need of the registry")
    }

    /// The keys for tokens of people, or an error that says that [`App::NEEDS`] lacks them.
    pub fn tokens(&self) -> anyhow::Result<TokenKeys> {
        self.tokens
            .clone()
            .context("this program declared no need of token keys")
    }

    /// The keys for statements between programs.
    pub fn keys(&self) -> anyhow::Result<InternalKeys> {
        self.keys.clone().context("mall.internal.key is not set")
    }
}

/// A program that is put together.
pub struct Service {
    pub(crate) router: OpenApiRouter,
    pub(crate) health: Vec<Arc<dyn HealthIndicator>>,
    pub(crate) exposure: Exposure,
    pub(crate) body_limit: usize,
    pub(crate) api_docs: bool,
    pub(crate) threshold: Option<fn(Router) -> Router>,
}

impl Service {
    /// A program with these routes.
    pub fn new(router: OpenApiRouter) -> Service {
        Service {
            router,
            health: Vec::new(),
            exposure: Exposure::All,
            body_limit: 1 << 20,
            api_docs: true,
            threshold: None,
        }
    }

    /// Adds a component to `/actuator/health`.
    #[must_use]
    pub fn with_health(mut self, indicator: Arc<dyn HealthIndicator>) -> Service {
        self.health.push(indicator);
        self
    }

    /// How much of the actuator its port shows.
    #[must_use]
    pub fn with_exposure(mut self, exposure: Exposure) -> Service {
        self.exposure = exposure;
        self
    }

    /// The largest body that is taken, in bytes.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Service {
        self.body_limit = bytes;
        self
    }

    /// What stands outside of the layers that every program has; for the program whose port is open to everybody.
    #[must_use]
    pub fn with_threshold(mut self, threshold: fn(Router) -> Router) -> Service {
        self.threshold = Some(threshold);
        self
    }

    /// The program serves `/v3/api-docs` itself, or not at all.
    #[must_use]
    pub fn without_api_docs(mut self) -> Service {
        self.api_docs = false;
        self
    }
}
