//! A gateway on a free port, with services that say what reached them.

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::TimeDelta;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mall_actuator::{Actuator, Readiness};
use mall_auth::{AccessToken, InternalKeys, RefreshToken, TokenKeys};
use mall_clock::{SharedClock, system};
use mall_gateway::{GatewayConfig, Parts, door, threshold};
use mall_http_client::{Balancer, Endpoint, StaticDiscovery};
use mall_resilience::BreakerRegistry;
use mall_service::{Exposure, Stack};
use mall_telemetry::metrics::Metrics;
use mall_types::{Role, UserId};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const SERVICES: [&str; 6] = [
    "APPLICATION-USER",
    "APPLICATION-PRODUCT",
    "APPLICATION-STOCK",
    "APPLICATION-CART",
    "APPLICATION-ORDER",
    "APPLICATION-PAYMENT",
];

/// What a test turns before the gateway starts.
pub struct Setup {
    pub config: Value,
    pub instances: HashMap<String, Vec<Endpoint>>,
    pub redis_url: Option<String>,
    /// Whether Redis knows which sessions were ended.
    pub sessions_known: bool,
    pub local: bool,
}

impl Setup {
    /// Every service is `instance`, and the limits are wide.
    pub fn new(instance: &Instance) -> Self {
        let instances = SERVICES
            .iter()
            .map(|service| ((*service).to_owned(), vec![instance.endpoint()]))
            .collect();
        let config = json!({
            "max-body": 4096, "max-uri": 2048, "max-headers": 8192, "response-timeout": "2s", "connect-timeout": "500ms",
            "body-timeout": "1s", "redis-timeout": "500ms", "attempts": 3, "docs-cache": "0s",
        });
        Self {
            config,
            instances,
            redis_url: None,
            sessions_known: true,
            local: true,
        }
    }

    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    pub fn instances(mut self, service: &str, endpoints: Vec<Endpoint>) -> Self {
        self.instances.insert(service.to_owned(), endpoints);
        self
    }

    /// Redis is not there.
    pub fn without_redis(mut self) -> Self {
        self.redis_url = Some(format!("redis://127.0.0.1:{}/", free_port()));
        self.sessions_known = false;
        self
    }

    pub async fn start(self) -> TestGateway {
        let clock = system();
        let tokens = TokenKeys::new(&SecretString::from("t".repeat(40))).unwrap();
        let internal = InternalKeys::new(&SecretString::from("i".repeat(40))).unwrap();
        let url = match self.redis_url {
            Some(url) => url,
            None => mall_testkit::redis_url().await,
        };
        let client = redis::Client::open(url).unwrap();
        let settings = redis::aio::ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(Duration::from_millis(500)));
        let manager =
            redis::aio::ConnectionManager::new_lazy_with_config(client, settings).unwrap();
        if self.sessions_known {
            let () = redis::cmd("SET")
                .arg("mall:sessions:ready")
                .arg("1")
                .query_async(&mut manager.clone())
                .await
                .unwrap();
        }
        let config: GatewayConfig = serde_json::from_value(self.config).unwrap();
        let metrics = Metrics::new();
        let router = door(Parts {
            config,
            tokens: tokens.clone(),
            keys: internal.clone(),
            clock: clock.clone(),
            redis: manager.clone(),
            balancer: Balancer::new(Arc::new(StaticDiscovery(self.instances))),
            breakers: BreakerRegistry::default(),
            metrics: metrics.clone(),
            local: self.local,
        })
        .unwrap();
        // The layers and the actuator that every program has around it.
        let actuator = Actuator {
            service: "api-gateway".to_owned(),
            info: json!({}),
            indicators: Vec::new(),
            metrics: metrics.clone(),
            breakers: BreakerRegistry::default(),
            readiness: Readiness::new(),
            exposure: Exposure::Edge,
        };
        let keys = Some(internal.clone());
        let stack = Stack {
            name: "api-gateway",
            keys,
            clock: clock.clone(),
            metrics: metrics.clone(),
            body_limit: usize::MAX,
        };
        let router = threshold(stack.around(router.merge(actuator.router())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        TestGateway {
            address,
            tokens,
            internal,
            clock,
            redis: manager,
            metrics,
            client: client_to(),
        }
    }
}

fn client_to() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

pub struct TestGateway {
    pub address: SocketAddr,
    pub tokens: TokenKeys,
    pub internal: InternalKeys,
    pub clock: SharedClock,
    pub redis: redis::aio::ConnectionManager,
    pub metrics: Metrics,
    client: Client<HttpConnector, Full<Bytes>>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    /// The stable code of a problem.
    pub fn code(&self) -> String {
        assert_eq!(
            self.headers["content-type"], "application/problem+json",
            "{self:?}"
        );
        let body = self.json();
        assert_eq!(body["status"], self.status.as_u16(), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }
}

/// A session of its own for each token, so that tests don't end each other's.
fn session() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!(
        "it-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

impl TestGateway {
    pub fn access(&self, user: i64, role: Role, life: TimeDelta) -> (String, String) {
        let issued_at = self.clock.now() - TimeDelta::hours(2).min(TimeDelta::seconds(1));
        let session = session();
        let token = AccessToken {
            user: UserId(user),
            role,
            session: session.clone(),
            issued_at,
            expires_at: issued_at + life + TimeDelta::seconds(1),
        };
        (self.tokens.sign_access(&token), session)
    }

    pub fn user(&self) -> String {
        self.access(7, Role::User, TimeDelta::hours(1)).0
    }

    pub fn admin(&self) -> String {
        self.access(1, Role::Admin, TimeDelta::hours(1)).0
    }

    pub fn refresh(&self) -> String {
        let now = self.clock.now();
        self.tokens.sign_refresh(&RefreshToken {
            user: UserId(7),
            session: session(),
            id: "refresh".to_owned(),
            issued_at: now,
            expires_at: now + TimeDelta::days(7),
        })
    }

    pub async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let call = async {
            let response = self.client.request(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            Answer {
                status: parts.status,
                headers: parts.headers,
                body,
            }
        };
        tokio::time::timeout(Duration::from_secs(20), call)
            .await
            .expect("the gateway hangs")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[], "").await
    }

    pub async fn as_whom(&self, token: &str, method: &str, path: &str) -> Answer {
        self.call(
            method,
            path,
            &[("authorization", &format!("Bearer {token}"))],
            "",
        )
        .await
    }

    /// Sends bytes as they are and reads until the gateway closes, or falls silent.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The gateway may close before all is sent: that is an answer too.
        let _ = stream.write_all(bytes).await;
        let mut all = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(Ok(read)) =
            tokio::time::timeout(Duration::from_millis(700), stream.read(&mut piece)).await
        {
            if read == 0 {
                break;
            }
            all.extend_from_slice(&piece[..read]);
        }
        String::from_utf8_lossy(&all).into_owned()
    }

    /// The first line's status of what `raw` gives; 0 when nothing was said.
    pub async fn raw_path(&self, target: &str, token: Option<&str>) -> u16 {
        let auth = token
            .map(|token| format!("Authorization: Bearer {token}\r\n"))
            .unwrap_or_default();
        let text = self
            .raw(
                format!("GET {target} HTTP/1.1\r\nHost: mall\r\n{auth}Connection: close\r\n\r\n")
                    .as_bytes(),
            )
            .await;
        text.split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0)
    }
}

/// A service's instance that says what reached it.
#[derive(Clone)]
pub struct Instance {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Instance {
    pub async fn start() -> Self {
        let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let notes = Arc::clone(&seen);
        let router = Router::new()
            .fallback(move |request: Request| echo(request, address, Arc::clone(&notes)));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, seen }
    }

    pub fn endpoint(&self) -> Endpoint {
        endpoint(self.address.port())
    }

    /// Every request that reached this instance.
    pub fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

pub fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        id: format!("127.0.0.1:{port}"),
        host: "127.0.0.1".to_owned(),
        port,
    }
}

/// A port where nobody listens.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// An instance that takes a connection, reads the request and hangs up without a word.
pub async fn instance_that_hangs_up() -> (Endpoint, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut piece = [0; 4096];
            if stream.read(&mut piece).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    (endpoint(port), asked)
}

async fn echo(request: Request, me: SocketAddr, seen: Arc<Mutex<Vec<Value>>>) -> Response {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let headers: Vec<Value> = parts
        .headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.to_string());
    let note = json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
        "instance": me.to_string(),
        "peer": peer,
    });
    seen.lock().unwrap().push(note.clone());
    match parts.uri.path() {
        "/product/slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::OK.into_response()
        }
        "/product/broken" => (StatusCode::INTERNAL_SERVER_ERROR, "inner words").into_response(),
        "/product/silent" => {
            let first = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"first")) });
            let rest = futures_util::stream::pending();
            Response::new(Body::from_stream(futures_util::StreamExt::chain(first, rest)))
        }
        "/product/large" => Response::new(Body::from(vec![b'x'; 3 << 20])),
        "/v3/api-docs" => axum::Json(json!({
            "openapi": "3.1.0",
            "paths": { "/cart/getCart": {}, "/order/orderlist": {}, "/internal/x": {}, "/actuator/health": {} },
        }))
        .into_response(),
        _ => {
            let mut response = axum::Json(note).into_response();
            let headers = response.headers_mut();
            headers.insert("server", HeaderValue::from_static("inner/1.0"));
            headers.insert("x-powered-by", HeaderValue::from_static("inner"));
            headers.insert("x-hop", HeaderValue::from_static("1"));
            headers.insert("connection", HeaderValue::from_static("x-hop"));
            headers.insert("cache-control", HeaderValue::from_static("max-age=60"));
            headers.append("set-cookie", HeaderValue::from_static("a=1"));
            headers.append("set-cookie", HeaderValue::from_static("b=2"));
            response
        }
    }
}

/// The values of a header among those that reached an instance.
pub fn header<'v>(note: &'v Value, name: &str) -> Vec<&'v str> {
    note["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pair| pair[0] == name)
        .filter_map(|pair| pair[1].as_str())
        .collect()
}
