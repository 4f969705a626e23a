//! What this machine can do at all, each for a few seconds, by the same loader: so that a rate can be compared between machines.
//!
//! Stock is measured over a schema of its own in the mall's MySQL, which is dropped afterwards: reservations without orders would
//! otherwise stand in the mall's books.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::Router;
use mall_auth::SERVICE_HEADER;
use mall_clock::{Clock, SystemClock, system};
use mall_db::Db;
use mall_gateway::{GatewayConfig, Parts, door, threshold};
use mall_http_client::{Balancer, Endpoint, StaticDiscovery};
use mall_lock::Locks;
use mall_resilience::BreakerRegistry;
use mall_service::Stack;
use mall_stock::app::adjust::Change;
use mall_stock::domain::{Facts, Order};
use mall_stock::hot::Hot;
use mall_stock::metrics::StockMetrics;
use mall_stock::store::adjustments::Asked;
use mall_stock::{MIGRATIONS, SharedStock, Stock, routes};
use mall_stock_api::ReserveLine;
use mall_telemetry::metrics::Metrics;
use mall_types::{ProductId, UserId};
use redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::fire::{Salvo, fire};
use crate::local::Local;
use crate::say;
use crate::wire::request;

/// Of each phase.
const PHASE: Duration = Duration::from_secs(3);
const CALLERS: usize = 256;
const CONNECTIONS: usize = 64;
/// No call of a phase is waited for longer.
const CALL_WITHIN: Duration = Duration::from_secs(10);
const SUPPLY: i64 = 100_000_000;

const DECREMENT: &str = "local left = tonumber(redis.call('GET', KEYS[1]) or '0') \
     if left < 1 then return -1 end return redis.call('DECR', KEYS[1])";

/// Per second.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub bare: f64,
    pub gateway_bare: f64,
    pub lua_decrement: f64,
    pub plain_lock_cycle: f64,
    pub reservations: f64,
    pub reservations_http: f64,
}

impl Limits {
    pub fn lines(&self) -> Vec<String> {
        let of = |what: f64, whole: f64| if whole > 0.0 { what / whole } else { 0.0 };
        let line =
            |name: &str, rate: f64, note: String| format!("{name:<34}{rate:>10.0} per s  {note}");
        vec![
            line("a bare answer", self.bare, String::new()),
            line(
                "the gateway before a bare answer",
                self.gateway_bare,
                format!("{:.2} of bare", of(self.gateway_bare, self.bare)),
            ),
            line(
                "one key's decrement by script",
                self.lua_decrement,
                String::new(),
            ),
            line(
                "plain lock-get-set-unlock cycle",
                self.plain_lock_cycle,
                String::new(),
            ),
            line(
                "reservations, in process",
                self.reservations,
                format!(
                    "{:.1} x the plain cycle, {:.2} of the decrement",
                    of(self.reservations, self.plain_lock_cycle),
                    of(self.reservations, self.lua_decrement)
                ),
            ),
            line(
                "reservations, HTTP, one instance",
                self.reservations_http,
                format!("{:.2} of bare", of(self.reservations_http, self.bare)),
            ),
        ]
    }
}

pub async fn measure(local: &Local, tokens: &[String]) -> anyhow::Result<Limits> {
    let mut limits = Limits::default();
    let bare = serve(Router::new().fallback(|| async { "{\"orderId\":1}" })).await?;
    limits.bare = over_http("a bare answer", bare, order_of(bare, tokens)).await?;
    let gateway = gateway(local, bare)?;
    let gateway = serve(gateway).await?;
    limits.gateway_bare =
        over_http("the gateway before it", gateway, order_of(gateway, tokens)).await?;

    let client = redis::Client::open(local.state.redis.as_str())?;
    let id = SystemClock.now().timestamp_millis();
    limits.lua_decrement = lua_decrement(&client, id).await?;
    limits.plain_lock_cycle = plain_lock_cycle(&client, id).await?;
    let schema = format!("mall_bench_{id}");
    let admin = Db::connect_url(&local.state.mysql, 1)?;
    statement(
        &admin,
        format!("CREATE DATABASE {schema} CHARACTER SET utf8mb4"),
    )
    .await?;
    let url = format!("{}/{schema}", local.state.mysql.trim_end_matches('/'));
    let measured = reservations(local, &url, &client, ProductId(id), &mut limits).await;
    statement(&admin, format!("DROP DATABASE {schema}")).await?;
    forget(&client, id).await?;
    measured?;
    Ok(limits)
}

async fn statement(db: &Db, text: String) -> anyhow::Result<()> {
    let done = db.run_tx("bench_schema", move |tx| {
        let text = text.clone();
        Box::pin(async move {
            sqlx::raw_sql(sqlx::AssertSqlSafe(text)).execute(tx).await?;
            Ok::<_, mall_db::TxError<std::convert::Infallible>>(())
        })
    });
    done.await
        .map_err(|error| anyhow::anyhow!("MySQL: {error}"))
}

async fn serve(router: Router) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

type Requests = Box<dyn Fn(usize) -> Option<Vec<u8>> + Send>;

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

async fn over_http(name: &str, host: SocketAddr, request: Requests) -> anyhow::Result<f64> {
    say(&format!("measuring {name}"));
    let outcome = fire(Salvo {
        host: host.to_string(),
        connections: CONNECTIONS,
        request,
        within: PHASE,
    })
    .await?;
    for (kind, count) in &outcome.errors {
        say(&format!("  {count} times {kind}"));
    }
    Ok(outcome.accepted.count() as f64 / outcome.took.as_secs_f64())
}

/// Calls from [`CALLERS`] at once, for one phase; those that succeeded, per second.
async fn called<F, C>(name: &str, call: F) -> f64
where
    F: Fn(usize) -> C + Clone + Send + 'static,
    C: Future<Output = bool> + Send,
{
    say(&format!("measuring {name}"));
    let good = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (call, good) = (call.clone(), Arc::clone(&good));
            tokio::spawn(async move {
                while began.elapsed() < PHASE {
                    let answer = tokio::time::timeout(CALL_WITHIN, call(caller)).await;
                    if answer.unwrap_or(false) {
                        good.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        // One that panicked is missed in the count.
        let _ = caller.await;
    }
    good.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

fn gateway(local: &Local, bare: SocketAddr) -> anyhow::Result<Router> {
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
        tokens: local.tokens.clone(),
        keys: local.internal.clone(),
        clock: system(),
        redis: manager(&redis::Client::open(local.state.redis.as_str())?)?,
        balancer: Balancer::new(Arc::new(discovery)),
        breakers: BreakerRegistry::default(),
        metrics: metrics.clone(),
        local: true,
    })?;
    Ok(threshold(
        stack(local, "api-gateway", metrics).around(router),
    ))
}

/// The layers that every program has around its routes.
fn stack(local: &Local, name: &'static str, metrics: Metrics) -> Stack {
    Stack {
        name,
        keys: Some(local.internal.clone()),
        clock: system(),
        metrics,
        body_limit: 1 << 20,
    }
}

fn manager(client: &redis::Client) -> anyhow::Result<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_connection_timeout(Some(Duration::from_millis(500)))
        .set_response_timeout(Some(Duration::from_secs(2)));
    Ok(ConnectionManager::new_lazy_with_config(
        client.clone(),
        config,
    )?)
}

async fn lua_decrement(client: &redis::Client, id: i64) -> anyhow::Result<f64> {
    let mut redis: MultiplexedConnection = client.get_multiplexed_async_connection().await?;
    let key = format!("bench:{id}:decrement");
    let _: () = redis::cmd("SET")
        .arg(&key)
        .arg(SUPPLY)
        .arg("EX")
        .arg(60)
        .query_async(&mut redis)
        .await?;
    let script = Arc::new(redis::Script::new(DECREMENT));
    Ok(called("one key's decrement by script", move |_| {
        let (mut redis, script, key) = (redis.clone(), Arc::clone(&script), key.clone());
        async move {
            script
                .key(key)
                .invoke_async::<i64>(&mut redis)
                .await
                .is_ok_and(|left| left >= 0)
        }
    })
    .await)
}

/// What the original does for each request: lock, read, write, unlock, each a question of its own to Redis.
async fn plain_lock_cycle(client: &redis::Client, id: i64) -> anyhow::Result<f64> {
    let commands = manager(client)?;
    let locks = Locks::new(client.clone(), commands.clone());
    let (name, key) = (format!("bench:{id}:lock"), format!("bench:{id}:plain"));
    let mut redis = commands.clone();
    let _: () = redis::cmd("SET")
        .arg(&key)
        .arg(SUPPLY)
        .arg("EX")
        .arg(60)
        .query_async(&mut redis)
        .await?;
    Ok(called("a plain lock-get-set-unlock cycle", move |_| {
        let (locks, mut redis, name, key) =
            (locks.clone(), commands.clone(), name.clone(), key.clone());
        async move {
            let Ok(guard) = locks
                .acquire(&name, Duration::from_secs(5), Duration::from_secs(3))
                .await
            else {
                return false;
            };
            let left: redis::RedisResult<i64> =
                redis::cmd("GET").arg(&key).query_async(&mut redis).await;
            let set: redis::RedisResult<()> = match left {
                Ok(left) => {
                    redis::cmd("SET")
                        .arg(&key)
                        .arg(left - 1)
                        .arg("EX")
                        .arg(60)
                        .query_async(&mut redis)
                        .await
                }
                Err(error) => Err(error),
            };
            guard.release().await.is_ok() && set.is_ok()
        }
    })
    .await)
}

async fn reservations(
    local: &Local,
    url: &str,
    client: &redis::Client,
    product: ProductId,
    limits: &mut Limits,
) -> anyhow::Result<()> {
    let db = Db::connect_url(url, 16)?;
    db.migrate(MIGRATIONS)
        .await
        .map_err(|error| anyhow::anyhow!("migrations: {error}"))?;
    let metrics = Metrics::new();
    let commands = manager(client)?;
    let hot = Hot::new(
        commands.clone(),
        Locks::new(client.clone(), commands),
        Duration::from_secs(5),
        Duration::from_secs(3),
    );
    let meters = StockMetrics::new(&metrics);
    let stock = Stock::new(
        db.clone(),
        hot,
        system(),
        meters,
        Duration::from_secs(30),
        256,
    );
    let supply = Change {
        product,
        adjustment: format!("bench-{product}"),
        asked: Asked::Supply(SUPPLY),
        known_as: Some(("Bench".to_owned(), Facts::default())),
    };
    stock
        .adjust(supply)
        .await
        .map_err(|failure| anyhow::anyhow!("stock: {failure}"))?;
    let callers = SharedStock::clone(&stock);
    limits.reservations = called("reservations, in process", move |caller| {
        let stock = SharedStock::clone(&callers);
        async move {
            let line = ReserveLine {
                product_id: product,
                quantity: 1,
            };
            let order = Order {
                id: Uuid::new_v4(),
                buyer: UserId(i64::try_from(caller).unwrap_or_default() + 1),
                lines: vec![line],
            };
            stock.reserve(order).await.is_ok()
        }
    })
    .await;

    let router = stack(local, "application-stock", metrics).around(routes::router(stock).into());
    let host = serve(router).await.context("no port")?;
    let header = local
        .internal
        .sign_service("application-order", SystemClock.now());
    let requests = move |number: usize| {
        let body = format!(
            "{{\"reservationId\":\"{}\",\"buyer\":{},\"lines\":[{{\"productId\":{product},\"quantity\":1}}]}}",
            Uuid::new_v4(),
            number + 1
        );
        Some(request(
            "POST",
            &host.to_string(),
            "/internal/stock/reservations",
            &[(SERVICE_HEADER, &header)],
            &body,
        ))
    };
    limits.reservations_http =
        over_http("reservations over HTTP", host, Box::new(requests)).await?;
    db.close().await;
    Ok(())
}

/// Nothing of the bench's product stays in Redis.
async fn forget(client: &redis::Client, id: i64) -> anyhow::Result<()> {
    let mut redis = client.get_multiplexed_async_connection().await?;
    let mut cursor = 0_u64;
    loop {
        let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(format!("*{id}*"))
            .arg("COUNT")
            .arg(1000)
            .query_async(&mut redis)
            .await?;
        if !keys.is_empty() {
            let _: () = redis::cmd("UNLINK")
                .arg(keys)
                .query_async(&mut redis)
                .await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}
