//! The Eureka client against the real registry, over loopback.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helpers may panic like the test itself"
)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use mall_eureka::{EurekaClient, EurekaConfig, InstanceStatus};
use mall_registry::instance_registry::RegistrySettings;
use mall_registry::{RegistryState, router};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(10);
const BEAT: Duration = Duration::from_millis(50);

/// A registry in a runtime of its own, so that it can die with all its connections.
struct Server {
    address: SocketAddr,
    state: Arc<RegistryState>,
    seen: Arc<Mutex<Vec<String>>>,
    runtime: Option<Runtime>,
}

impl Server {
    fn start() -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), |_| true)
    }

    fn start_on(address: SocketAddr, admits: fn(&HeaderMap) -> bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let state = Arc::new(RegistryState::new(
            RegistrySettings::default(),
            true,
            mall_clock::system(),
        ));
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = seen.clone();
        let routes: Router =
            router(state.clone()).layer(from_fn(move |request: Request, next: Next| {
                let log = log.clone();
                async move { record(&log, admits, request, next).await }
            }));
        let (sender, receiver) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            let listener = bind(address).await;
            sender.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, routes).await.unwrap();
        });
        Self {
            address: receiver.recv().unwrap(),
            state,
            seen,
            runtime: Some(runtime),
        }
    }

    fn url(&self) -> String {
        format!("http://{}/eureka/", self.address)
    }

    fn kill(mut self) -> SocketAddr {
        self.runtime.take().unwrap().shutdown_background();
        self.address
    }

    /// Requests seen, as `PUT /eureka/apps/A/id?query`; a registration with its status behind it.
    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    fn count(&self, start: &str) -> usize {
        self.seen()
            .iter()
            .filter(|line| line.starts_with(start))
            .count()
    }

    fn status(&self, id: &str) -> Option<InstanceStatus> {
        let instance = self.state.registry().instance("APPLICATION-CART", id);
        instance.map(|instance| instance.status)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Another test's connection may sit on the port of a server that died a moment ago.
async fn bind(address: SocketAddr) -> TcpListener {
    let start = Instant::now();
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => assert!(start.elapsed() < PATIENCE, "{address}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn record(
    log: &Mutex<Vec<String>>,
    admits: fn(&HeaderMap) -> bool,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&body);
    let status = text
        .split_once("\"status\":\"")
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or_default();
    log.lock().unwrap().push(
        format!("{} {} {status}", parts.method, parts.uri)
            .trim_end()
            .to_owned(),
    );
    if !admits(&parts.headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(Request::from_parts(parts, body.into())).await
}

fn config(urls: &[String], id: &str) -> EurekaConfig {
    EurekaConfig {
        urls: urls.to_vec(),
        app: "application-cart".to_owned(),
        instance_id: id.to_owned(),
        host: "127.0.0.1".to_owned(),
        ip: "127.0.0.1".to_owned(),
        port: 8011,
        renewal: BEAT,
        expiry: Duration::from_secs(15),
        fetch_interval: BEAT,
        metadata: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
        register: true,
    }
}

fn start_up(urls: &[String], id: &str) -> EurekaClient {
    let client = EurekaClient::start(config(urls, id));
    client.set_status(InstanceStatus::Up);
    client
}

fn watch(urls: &[String]) -> EurekaClient {
    let mut config = config(urls, "watcher");
    config.register = false;
    EurekaClient::start(config)
}

fn ids(client: &EurekaClient) -> Vec<String> {
    let instances = client.instances("application-cart");
    instances
        .iter()
        .map(|instance| instance.id().to_owned())
        .collect()
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn it_registers_renews_is_seen_and_leaves() {
    let server = Server::start();
    let urls = [server.url()];
    let watcher = watch(&urls);
    let cart = EurekaClient::start(config(&urls, "cart-1"));
    eventually("registered", || cart.is_registered()).await;
    eventually("starting", || {
        server.status("cart-1") == Some(InstanceStatus::Starting)
    })
    .await;
    assert!(!watcher.wait_for("application-cart", 2 * BEAT).await);

    cart.set_status(InstanceStatus::Up);
    assert!(watcher.wait_for("Application-Cart", PATIENCE).await);
    assert_eq!(watcher.applications(), ["APPLICATION-CART"]);
    assert!(watcher.last_fetch().is_some());
    let seen = &watcher.instances("application-cart")[0];
    assert_eq!(
        (seen.host_name.as_str(), seen.port.number),
        ("127.0.0.1", 8011)
    );
    assert_eq!(seen.metadata["zone"], "a");
    assert_eq!(seen.metadata["management.port"], "8011");
    assert_eq!(seen.lease.duration_secs, 15);
    assert_eq!(
        seen.health_check_url.as_deref(),
        Some("http://127.0.0.1:8011/actuator/health")
    );

    let beat = "PUT /eureka/apps/APPLICATION-CART/cart-1?status=UP&lastDirtyTimestamp=";
    eventually("heartbeats", || server.count(beat) >= 3).await;
    assert_eq!(server.count("POST"), 2, "{:?}", server.seen());

    let start = Instant::now();
    cart.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(!cart.is_registered());
    let writes: Vec<String> = server
        .seen()
        .into_iter()
        .filter(|line| !line.starts_with("GET"))
        .collect();
    let last = &writes[writes.len() - 2..];
    assert_eq!(last[0], "POST /eureka/apps/APPLICATION-CART DOWN");
    assert_eq!(last[1], "DELETE /eureka/apps/APPLICATION-CART/cart-1");
    eventually("unseen", || ids(&watcher).is_empty()).await;
    cart.shutdown().await;
    assert_eq!(server.count("DELETE"), 1);
    watcher.shutdown().await;
    assert_eq!(server.count("DELETE"), 1);
}

#[tokio::test]
async fn after_the_first_fetch_it_reads_deltas() {
    let server = Server::start();
    let urls = [server.url()];
    let first = start_up(&urls, "cart-1");
    let watcher = watch(&urls);
    eventually("one", || ids(&watcher) == ["cart-1"]).await;
    let full = "GET /eureka/apps/";
    eventually("deltas", || server.count("GET /eureka/apps/delta") > 6).await;
    let whole = server.seen().iter().filter(|line| *line == full).count();
    let second = start_up(&urls, "cart-2");
    eventually("two", || ids(&watcher) == ["cart-1", "cart-2"]).await;
    first.shutdown().await;
    eventually("the other", || ids(&watcher) == ["cart-2"]).await;
    // `second` fetches all of it once itself.
    let now = server.seen().iter().filter(|line| *line == full).count();
    assert!(now <= whole + 1, "{:?}", server.seen());
    second.shutdown().await;
}

#[tokio::test]
async fn a_hash_that_does_not_fit_leads_to_a_full_fetch() {
    let server = Server::start();
    let urls = [server.url()];
    let _first = start_up(&urls, "cart-1");
    let watcher = watch(&urls);
    eventually("one", || ids(&watcher) == ["cart-1"]).await;
    {
        // A change that no delta tells.
        let mut registry = server.state.registry();
        let other = mall_eureka::Instance::new("application-cart", "cart-2", "h", "1.2.3.4", 1);
        registry.register(other, false, server.state.now());
        registry.forget_old_changes(server.state.now() + 3_600_000);
    }
    eventually("both", || ids(&watcher) == ["cart-1", "cart-2"]).await;
}

#[tokio::test]
async fn it_starts_before_the_registry() {
    let gone = Server::start().kill();
    let urls = [format!("http://{gone}/eureka")];
    let cart = start_up(&urls, "cart-1");
    assert!(!cart.wait_for("application-cart", 4 * BEAT).await);
    assert!(!cart.is_registered());
    assert!(cart.last_fetch().is_none());
    let server = Server::start_on(gone, |_| true);
    assert!(cart.wait_for("application-cart", PATIENCE).await);
    assert!(cart.is_registered());
    assert_eq!(server.status("cart-1"), Some(InstanceStatus::Up));
}

#[tokio::test]
async fn a_restart_of_the_registry_costs_nothing() {
    let server = Server::start();
    let urls = [server.url()];
    let mut slow = config(&urls, "cart-1");
    slow.renewal = Duration::from_millis(400);
    let cart = EurekaClient::start(slow);
    cart.set_status(InstanceStatus::Up);
    let watcher = watch(&urls);
    eventually("seen", || ids(&watcher) == ["cart-1"]).await;
    let address = server.kill();

    // Away: the last view stays.
    let fetched = watcher.last_fetch();
    tokio::time::sleep(4 * BEAT).await;
    assert_eq!(ids(&watcher), ["cart-1"]);

    // Back, empty: the view still stays, until the instance has registered again, and after.
    let server = Server::start_on(address, |_| true);
    let mut gaps = 0;
    let check = |gaps: &mut usize| *gaps += usize::from(ids(&watcher) != ["cart-1"]);
    eventually("fetched again", || {
        check(&mut gaps);
        watcher.last_fetch() != fetched
    })
    .await;
    eventually("registered again", || {
        check(&mut gaps);
        server.status("cart-1") == Some(InstanceStatus::Up)
    })
    .await;
    eventually("deltas again", || {
        check(&mut gaps);
        server.count("GET /eureka/apps/delta") > 3
    })
    .await;
    assert_eq!(gaps, 0);
    assert!(server.count("PUT") >= 1, "{:?}", server.seen());
    cart.shutdown().await;
    eventually("gone", || ids(&watcher).is_empty()).await;
}

#[tokio::test]
async fn the_next_url_is_tried() {
    let dead = Server::start().kill();
    let server = Server::start();
    let urls = [
        format!("http://{dead}/eureka/"),
        "not a url".to_owned(),
        server.url(),
    ];
    let cart = start_up(&urls, "cart-1");
    assert!(cart.wait_for("application-cart", PATIENCE).await);
    // The first comes to life and the other dies.
    let first = Server::start_on(dead, |_| true);
    server.kill();
    eventually("moved", || {
        first.status("cart-1") == Some(InstanceStatus::Up)
    })
    .await;
    cart.shutdown().await;
    assert_eq!(first.status("cart-1"), None);
}

#[tokio::test]
async fn user_information_of_the_url_becomes_basic_authentication() {
    // mall:p@ss
    let server = Server::start_on("127.0.0.1:0".parse().unwrap(), |headers| {
        headers
            .get("authorization")
            .is_some_and(|value| value == "Basic bWFsbDpwQHNz")
    });
    let stranger = start_up(&[server.url()], "cart-0");
    let url = format!("http://mall:p%40ss@{}/eureka/", server.address);
    let cart = start_up(&[url], "cart-1");
    assert!(cart.wait_for("application-cart", PATIENCE).await);
    assert_eq!(ids(&cart), ["cart-1"]);
    assert!(!stranger.is_registered());
    assert!(stranger.last_fetch().is_none());
}

#[tokio::test]
async fn ids_are_encoded() {
    let server = Server::start();
    let id = "a/b c:%41?한글#1";
    let cart = start_up(&[server.url()], id);
    eventually("up", || server.status(id) == Some(InstanceStatus::Up)).await;
    eventually("beats", || server.count("PUT") >= 2).await;
    // Once or, when it was seen starting, twice: no heartbeat missed its lease.
    assert!(server.count("POST") <= 2, "{:?}", server.seen());
    cart.shutdown().await;
    assert_eq!(server.status(id), None);
}

#[tokio::test]
async fn an_override_and_its_end_reach_the_instance() {
    let server = Server::start();
    let cart = start_up(&[server.url()], "cart-1");
    eventually("seen", || ids(&cart) == ["cart-1"]).await;
    let out = InstanceStatus::OutOfService;
    let now = server.state.now();
    assert!(
        server
            .state
            .registry()
            .set_override("APPLICATION-CART", "cart-1", out, None, now)
    );
    eventually("out", || ids(&cart).is_empty()).await;
    let unknown = InstanceStatus::Unknown;
    assert!(server.state.registry().delete_override(
        "APPLICATION-CART",
        "cart-1",
        unknown,
        None,
        now
    ));
    eventually("back", || ids(&cart) == ["cart-1"]).await;
}

#[tokio::test]
async fn a_shutdown_does_not_hang_on_a_registry_that_does() {
    // Takes connections, never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/eureka/", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let cart = start_up(&[url], "cart-1");
    tokio::time::sleep(4 * BEAT).await;
    assert!(ids(&cart).is_empty());
    let start = Instant::now();
    cart.shutdown().await;
    assert!(
        start.elapsed() < Duration::from_millis(2500),
        "{:?}",
        start.elapsed()
    );
    silent.abort();
}

#[tokio::test]
async fn the_last_clone_takes_the_tasks_along() {
    let server = Server::start();
    let cart = start_up(&[server.url()], "cart-1");
    let clone = cart.clone();
    eventually("seen", || ids(&cart) == ["cart-1"]).await;
    drop(cart);
    let before = server.count("PUT");
    eventually("beats", || server.count("PUT") > before + 1).await;
    drop(clone);
    tokio::time::sleep(2 * BEAT).await;
    let after = server.count("PUT");
    tokio::time::sleep(4 * BEAT).await;
    assert_eq!(server.count("PUT"), after);
}
