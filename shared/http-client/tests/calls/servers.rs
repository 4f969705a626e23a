//! Servers that work, and servers that are sick in one way each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use mall_auth::InternalKeys;
use mall_clock::MockClock;
use mall_http_client::{
    Balancer, CallClient, CallSettings, ClientParts, Endpoint, StaticDiscovery,
};
use mall_resilience::{BreakerRegistry, CircuitBreakerConfig};
use mall_telemetry::Metrics;
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

#[derive(Default)]
pub struct Hits(AtomicUsize);

impl Hits {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
    pub async fn reaches(&self, count: usize) {
        let begun = Instant::now();
        while self.get() < count {
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "still {} of {count}",
                self.get()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

pub fn hits() -> Arc<Hits> {
    Arc::default()
}

pub struct Rig {
    pub client: CallClient,
    pub balancer: Balancer,
    pub breakers: BreakerRegistry,
    pub metrics: Metrics,
    pub clock: Arc<MockClock>,
}

pub fn keys() -> InternalKeys {
    InternalKeys::new(&SecretString::from("k".repeat(32))).unwrap()
}

pub fn settings() -> CallSettings {
    CallSettings {
        wait: Duration::from_millis(10),
        ..CallSettings::default()
    }
}

pub fn breaker() -> CircuitBreakerConfig {
    CircuitBreakerConfig {
        sliding_window_size: 4,
        minimum_number_of_calls: 4,
        permitted_number_of_calls_in_half_open_state: 2,
        failure_rate_threshold: 100.0,
        wait_duration_in_open_state: Duration::from_millis(200),
        ..CircuitBreakerConfig::default()
    }
}

/// For tests that break a service on purpose and are not about the breaker.
pub fn no_breaker() -> CircuitBreakerConfig {
    CircuitBreakerConfig {
        minimum_number_of_calls: 10_000,
        sliding_window_size: 10_000,
        ..breaker()
    }
}

pub fn rig(endpoints: &[&Endpoint]) -> Rig {
    rig_with(endpoints, settings(), breaker())
}

pub fn rig_with(
    endpoints: &[&Endpoint],
    settings: CallSettings,
    breaker: CircuitBreakerConfig,
) -> Rig {
    let endpoints: Vec<Endpoint> = endpoints
        .iter()
        .map(|endpoint| (*endpoint).clone())
        .collect();
    let discovery = StaticDiscovery([("application-product".to_owned(), endpoints)].into());
    let balancer = Balancer::new(Arc::new(discovery));
    let breakers = BreakerRegistry::new(breaker, Default::default());
    let (metrics, clock) = (Metrics::new(), MockClock::at("2026-05-01T10:00:00+09:00"));
    let client = CallClient::new(ClientParts {
        service: "tester".to_owned(),
        balancer: balancer.clone(),
        breakers: breakers.clone(),
        keys: keys(),
        clock: clock.clone(),
        metrics: metrics.clone(),
        settings,
    });
    Rig {
        client,
        balancer,
        breakers,
        metrics,
        clock,
    }
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        id: format!("127.0.0.1:{port}"),
        host: "127.0.0.1".to_owned(),
        port,
    }
}

async fn listen() -> (TcpListener, Endpoint) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(listener.local_addr().unwrap().port());
    (listener, endpoint)
}

/// A healthy server; it ends with the test's runtime.
pub struct Server {
    pub endpoint: Endpoint,
    pub connections: Arc<Hits>,
}

struct Counted(TcpListener, Arc<Hits>);

impl axum::serve::Listener for Counted {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (TcpStream, std::net::SocketAddr) {
        let accepted = axum::serve::Listener::accept(&mut self.0).await;
        self.1.add();
        accepted
    }
    fn local_addr(&self) -> std::io::Result<std::net::SocketAddr> {
        self.0.local_addr()
    }
}

impl Server {
    pub async fn start(app: Router) -> Self {
        let (listener, endpoint) = listen().await;
        let connections = hits();
        let listener = Counted(listener, Arc::clone(&connections));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            endpoint,
            connections,
        }
    }
}

/// Nobody listens there.
pub async fn dead() -> Endpoint {
    listen().await.1
}

/// Reads a request, then closes the connection without an answer.
pub async fn hanging_up() -> (Endpoint, Arc<Hits>) {
    on_each_request(drop).await
}

/// Reads a request and never answers.
pub async fn silent() -> (Endpoint, Arc<Hits>) {
    on_each_request(std::mem::forget).await
}

async fn on_each_request(then: fn(TcpStream)) -> (Endpoint, Arc<Hits>) {
    let (listener, endpoint) = listen().await;
    let counter = hits();
    let count = Arc::clone(&counter);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                if stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    count.add();
                    then(stream);
                }
            });
        }
    });
    (endpoint, counter)
}

/// A listener whose queue is full: the kernel drops further SYNs, so a connection hangs.
pub async fn full_backlog() -> (Endpoint, (TcpListener, Vec<TcpStream>)) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
    {
        held.push(stream);
        assert!(held.len() < 50, "the queue does not fill");
    }
    (endpoint(address.port()), (listener, held))
}
