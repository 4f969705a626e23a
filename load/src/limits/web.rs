//! What axum alone can do, and the gateway in front of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mall_clock::system;
use mall_gateway::{GatewayConfig, Parts, door, threshold};
use mall_http_client::{Balancer, Endpoint, StaticDiscovery};
use mall_resilience::BreakerRegistry;
use mall_service::Stack;
use mall_telemetry::metrics::Metrics;
use serde_json::json;
use tokio::net::TcpListener;

use super::{CONNECTIONS, Limits, Part, Web};
use crate::fire::{Salvo, fire};
use crate::ground::{Ground, manager};
use crate::say;
use crate::wire::request;

pub async fn measure(
    ground: &Ground,
    tokens: &[String],
    wanted: &(dyn Fn(Part) -> bool + Sync),
    phase: Duration,
    limits: &mut Limits,
) -> anyhow::Result<()> {
    let bare = serve(Router::new().fallback(|| async { "{\"orderId\":1}" })).await?;
    if wanted(Part::Bare) {
        let order = || order_of(bare, tokens);
        limits.bare = Some(over_http("a bare answer", bare, phase, order).await?);
    }
    if wanted(Part::GatewayBare) {
        let gateway = serve(gateway(ground, bare)?).await?;
        let order = || order_of(gateway, tokens);
        let name = "the gateway before a bare answer";
        limits.gateway_bare = Some(over_http(name, gateway, phase, order).await?);
    }
    Ok(())
}

pub async fn serve(router: Router) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // As the services do.
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

/// The bytes of request number n.
pub type Requests = Box<dyn Fn(usize) -> Option<Vec<u8>> + Send>;

fn order_of(host: SocketAddr, tokens: &[String]) -> Requests {
    let (tokens, host) = (tokens.to_vec(), host.to_string());
    Box::new(move |number| {
        let bearer = format!("Bearer {}", tokens[number % tokens.len()]);
        let body = "{\"productId\":1,\"quantity\":1}";
        Some(request(
            "POST",
            &host,
            "/order/orderProduct",
            &[("authorization", &bearer)],
            body,
        ))
    })
}

/// The better of the two numbers of connections.
pub async fn over_http(
    name: &str,
    host: SocketAddr,
    phase: Duration,
    requests: impl Fn() -> Requests,
) -> anyhow::Result<Web> {
    let mut best: Option<Web> = None;
    for connections in CONNECTIONS {
        say(&format!("measuring {name}, {connections} connections"));
        let outcome = fire(Salvo {
            host: host.to_string(),
            connections,
            request: requests(),
            within: phase,
            rate: None,
        })
        .await?;
        for (kind, count) in &outcome.errors {
            say(&format!("  {count} times {kind}"));
        }
        let per_s = outcome.accepted.count() as f64 / outcome.took.as_secs_f64();
        say(&format!("  {per_s:.0} per s"));
        if best.is_none_or(|best| best.per_s < per_s) {
            best = Some(Web { per_s, connections });
        }
    }
    best.ok_or_else(|| anyhow::anyhow!("nothing was measured"))
}

fn gateway(ground: &Ground, bare: SocketAddr) -> anyhow::Result<Router> {
    let config: GatewayConfig = serde_json::from_value(json!({
        "max-body": 1_048_576, "max-uri": 8192, "max-headers": 16384, "response-timeout": "15s", "connect-timeout": "1s",
        "body-timeout": "30s", "redis-timeout": "500ms", "attempts": 3, "docs-cache": "10s",
    }))?;
    let endpoint = Endpoint {
        id: bare.to_string(),
        host: "127.0.0.1".to_owned(),
        port: bare.port(),
    };
    let discovery = StaticDiscovery([("APPLICATION-ORDER".to_owned(), vec![endpoint])].into());
    let metrics = Metrics::new();
    let router = door(Parts {
        config,
        tokens: ground.tokens.clone(),
        keys: ground.internal.clone(),
        clock: system(),
        redis: manager(&ground.redis_client()?)?,
        balancer: Balancer::new(Arc::new(discovery)),
        breakers: BreakerRegistry::default(),
        metrics: metrics.clone(),
        local: true,
    })?;
    Ok(threshold(
        stack(ground, "api-gateway", metrics).around(router),
    ))
}

/// The layers that every program has around its routes.
pub fn stack(ground: &Ground, name: &'static str, metrics: Metrics) -> Stack {
    Stack {
        name,
        keys: Some(ground.internal.clone()),
        clock: system(),
        metrics,
        body_limit: 1 << 20,
    }
}
