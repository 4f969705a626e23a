//! The mall's front door.
//!
//! Every request from outside comes through here: its path is read in one way (`request_path`), its caller's role is
//! checked (`access`, `identity`, `sessions`), whatever could pass for a word of ours is taken off it (`headers`), and it
//! goes to an instance of the service that the `route_table` names (`upstream`). Read `proxy` first: it is the order of
//! all that. Nothing here knows what is sold.

mod access;
mod api_docs;
mod bearer;
mod client_address;
mod config;
mod cors;
mod headers;
mod identity;
mod messages;
mod metrics;
mod proxy;
mod rate_limit;
mod request_path;
mod route_name;
mod route_table;
mod sessions;
mod threshold;
mod upstream;

use axum::Router;
use axum::routing::{any, get};
use mall_auth::{InternalKeys, TokenKeys};
use mall_clock::SharedClock;
use mall_http_client::Balancer;
use mall_resilience::BreakerRegistry;
use mall_service::{App, Boot, Exposure, Needs, Service};
use mall_telemetry::metrics::Metrics;
use std::sync::Arc;

pub use config::{CorsConfig, GatewayConfig, RateLimit, RateLimits};

/// The program `api-gateway`.
pub struct ApiGateway;

impl App for ApiGateway {
    const NAME: &'static str = "api-gateway";
    const DEFAULTS: &'static str = include_str!("../defaults.yml");
    const SECTION: &'static str = "mall.gateway";
    const NEEDS: Needs = Needs {
        redis: true,
        registry: true,
        config_server: true,
        tokens: true,
        ..Needs::NONE
    };
    type Config = GatewayConfig;

    fn validate(config: &GatewayConfig, bad: &mut Vec<String>) {
        config.validate(bad);
    }

    async fn build(boot: Boot<GatewayConfig>) -> anyhow::Result<Service> {
        let router = door(Parts {
            tokens: boot.tokens()?,
            keys: boot.keys()?,
            redis: boot.redis()?,
            balancer: boot.balancer()?,
            clock: boot.clock,
            breakers: boot.breakers,
            metrics: boot.metrics,
            local: boot.local,
            config: boot.config,
        })?;
        // The gateway measures bodies itself: its limit stands in its settings, and its refusals carry its headers.
        Ok(Service::new(router.into())
            .with_exposure(Exposure::Edge)
            .with_body_limit(usize::MAX)
            .without_api_docs()
            .with_threshold(threshold))
    }
}

/// What the gateway is put together from.
pub struct Parts {
    pub config: GatewayConfig,
    /// Verifies access tokens.
    pub tokens: TokenKeys,
    /// Signs what services believe.
    pub keys: InternalKeys,
    pub clock: SharedClock,
    pub redis: redis::aio::ConnectionManager,
    pub balancer: Balancer,
    pub breakers: BreakerRegistry,
    pub metrics: Metrics,
    /// The profile `local` is active.
    pub local: bool,
}

/// The gateway as a router. Everything that is not its own to answer goes to a service.
pub fn door(parts: Parts) -> anyhow::Result<Router> {
    let Parts {
        config,
        tokens,
        keys,
        clock,
        redis,
        balancer,
        breakers,
        metrics,
        local,
    } = parts;
    let patience = upstream::Patience {
        response: config.response_timeout.get(),
        connect: config.connect_timeout.get(),
        attempts: config.attempts,
    };
    let limits = proxy::Limits {
        body: config.max_body,
        uri: config.max_uri,
        headers: config.max_headers,
        body_time: config.body_timeout.get(),
    };
    let redis_time = config.redis_timeout.get();
    let gateway = Arc::new(proxy::Gateway {
        limits,
        trusted: config.networks().map_err(anyhow::Error::msg)?,
        cors: cors::Cors::new(&config.cors.allowed_origins).map_err(anyhow::Error::msg)?,
        identities: identity::Identities::new(tokens, keys.clone(), clock.clone()),
        sessions: sessions::Sessions::new(redis.clone(), redis_time),
        rates: rate_limit::RateLimiter::new(
            config.rate_limits.rules(local),
            Some(redis),
            redis_time,
        ),
        upstream: upstream::Upstream::new(balancer.clone(), &breakers, patience),
        metrics: metrics::GatewayMetrics::new(metrics),
    });
    let docs = Arc::new(api_docs::ApiDocs::new(
        balancer,
        keys,
        clock,
        config.docs_cache.get(),
    ));
    Ok(Router::new()
        .route("/v3/api-docs", get(move || api_docs::document(docs)))
        .merge(api_docs::page())
        .route("/", any(proxy::handle))
        .route("/{*rest}", any(proxy::handle))
        .with_state(gateway))
}

/// What stands outside of the layers that every program has: no statement of ours comes in from outside, `/internal` is
/// not even refused, and every answer carries the security headers.
pub fn threshold(program: Router) -> Router {
    Router::new().fallback_service(threshold::Threshold(program))
}
