//! One description of the mall's public API, joined from those of its services, and the page to read it with.

mod join;

use crate::route_table;
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use mall_auth::{InternalKeys, SERVICE_HEADER};
use mall_clock::SharedClock;
use mall_http_client::Balancer;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A service's description is asked for this long, and is this large at most.
const PATIENCE: Duration = Duration::from_secs(2);
const LARGEST: usize = 4 << 20;

/// Fetches and joins the services' descriptions.
pub struct ApiDocs {
    balancer: Balancer,
    client: Client<HttpConnector, Empty<Bytes>>,
    keys: InternalKeys,
    clock: SharedClock,
    keep: Duration,
    joined: Mutex<Option<Joined>>,
}

#[derive(Clone)]
struct Joined {
    at: Instant,
    text: Bytes,
}

impl ApiDocs {
    /// `keep` is how long a joined description is served again.
    pub fn new(balancer: Balancer, keys: InternalKeys, clock: SharedClock, keep: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_secs(1)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self {
            balancer,
            client,
            keys,
            clock,
            keep,
            joined: Mutex::default(),
        }
    }

    /// The description as JSON. Services that are away are left out until they are back.
    pub async fn document(&self) -> Bytes {
        {
            let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(joined) = &mut *joined {
                if joined.at.elapsed() < self.keep {
                    return joined.text.clone();
                }
                // One caller renews it; those who ask meanwhile get the last one.
                joined.at = Instant::now();
            }
        }
        let services = route_table::services();
        let documents = join_all(services.iter().map(|service| self.of_service(service))).await;
        let found = services
            .iter()
            .zip(documents)
            .filter_map(|(service, document)| Some((*service, document?)));
        let text = Bytes::from(join::join(found).to_string());
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        *joined = Some(Joined {
            at: Instant::now(),
            text: text.clone(),
        });
        text
    }

    async fn of_service(&self, service: &str) -> Option<Value> {
        let pick = self.balancer.pick(service, &[])?;
        let uri: Uri = format!("http://{}/v3/api-docs", pick.endpoint.authority())
            .parse()
            .ok()?;
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = uri;
        let statement = self
            .keys
            .sign_service("api-gateway", service, self.clock.now());
        let caller = HeaderValue::try_from(statement).ok()?;
        request.headers_mut().insert(SERVICE_HEADER, caller);
        let asking = async {
            let response = self.client.request(request).await.ok()?;
            if response.status() != StatusCode::OK {
                return None;
            }
            let body = Limited::new(response.into_body(), LARGEST)
                .collect()
                .await
                .ok()?;
            serde_json::from_slice(&body.to_bytes()).ok()
        };
        let document = tokio::time::timeout(PATIENCE, asking).await.ok().flatten();
        if document.is_none() {
            tracing::info!(
                service,
                "{service} is left out of the API description: it did not send its own"
            );
        }
        document
    }
}

/// Answers with the joined description.
pub async fn document(docs: Arc<ApiDocs>) -> Response<axum::body::Body> {
    let mut response = Response::new(axum::body::Body::from(docs.document().await));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The page at `/swagger-ui`.
pub fn page() -> utoipa_swagger_ui::SwaggerUi {
    utoipa_swagger_ui::SwaggerUi::new("/swagger-ui")
        .config(utoipa_swagger_ui::Config::from("/v3/api-docs"))
}
