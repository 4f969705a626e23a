//! The service under test, its admin and its fake peer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use mall_auth::{IDENTITY_HEADER, Identity, InternalKeys, SERVICE_HEADER};
use mall_clock::{Clock, MockClock, Zone};
use mall_db::Db;
use mall_http_client::CallError;
use mall_outbox::RelaySettings;
use mall_problem::RemoteProblem;
use mall_products::{MIGRATIONS, Products, routes};
use mall_service::Stack;
use mall_stock_api::{
    Adjust, Available, RegisterItem, Released, Reservation, ReservationDetail, Reserve, SERVICE,
    StockApi, codes,
};
use mall_telemetry::metrics::Metrics;
use mall_testkit::{SchemaGuard, fresh_schema};
use mall_types::{ProductId, Role, UserId};
use secrecy::SecretString;
use serde_json::Value;
use tower::ServiceExt;

/// Opening and limit.
type Facts = (Option<String>, Option<i64>);

/// Counts by product, as the real service keeps them; or away.
#[derive(Default)]
pub struct FakeStock {
    items: Mutex<BTreeMap<ProductId, (String, i64)>>,
    booked: Mutex<BTreeSet<String>>,
    facts: Mutex<BTreeMap<ProductId, Facts>>,
    away: Mutex<bool>,
}

impl FakeStock {
    pub fn set_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    pub fn item(&self, id: i64) -> Option<(String, i64)> {
        self.items.lock().unwrap().get(&ProductId(id)).cloned()
    }

    /// The opening and the limit that stock was last told.
    pub fn facts(&self, id: i64) -> Option<Facts> {
        self.facts.lock().unwrap().get(&ProductId(id)).cloned()
    }

    fn answering(&self) -> Result<(), CallError> {
        if *self.away.lock().unwrap() {
            Err(CallError::NoInstance {
                service: SERVICE.to_owned(),
            })
        } else {
            Ok(())
        }
    }

    fn refusal(status: u16, code: &str) -> CallError {
        let body = serde_json::json!({"status": status, "code": code, "detail": "no"}).to_string();
        let problem = RemoteProblem::decode(status, &HeaderMap::new(), body.as_bytes());
        CallError::Status {
            service: SERVICE.to_owned(),
            problem: Box::new(problem),
        }
    }
}

#[async_trait]
impl StockApi for FakeStock {
    async fn register(&self, id: ProductId, item: &RegisterItem) -> Result<Available, CallError> {
        self.answering()?;
        let opens = item.open_date_time.map(|time| time.to_rfc3339());
        self.facts
            .lock()
            .unwrap()
            .insert(id, (opens, item.purchase_limit));
        let mut items = self.items.lock().unwrap();
        let known = items.entry(id).or_insert_with(|| (String::new(), 0));
        known.0.clone_from(&item.name);
        if let Some(supply) = item.available
            && self
                .booked
                .lock()
                .unwrap()
                .insert(item.adjustment_id.clone())
        {
            known.1 += supply;
        }
        Ok(Available {
            product_id: id,
            available: known.1,
        })
    }

    async fn adjust(&self, id: ProductId, change: &Adjust) -> Result<Available, CallError> {
        self.answering()?;
        let mut items = self.items.lock().unwrap();
        let Some((_, available)) = items.get_mut(&id) else {
            return Err(Self::refusal(404, codes::STOCK_UNKNOWN));
        };
        let spent = self.booked.lock().unwrap().contains(&change.adjustment_id);
        if spent {
            return Ok(Available {
                product_id: id,
                available: *available,
            });
        }
        let after = change
            .set
            .unwrap_or(*available + change.change.unwrap_or(0));
        if after < 0 {
            return Err(Self::refusal(409, codes::STOCK_BELOW_ZERO));
        }
        *available = after;
        self.booked
            .lock()
            .unwrap()
            .insert(change.adjustment_id.clone());
        Ok(Available {
            product_id: id,
            available: after,
        })
    }

    async fn available(&self, ids: &[ProductId]) -> Result<Vec<Available>, CallError> {
        self.answering()?;
        let items = self.items.lock().unwrap();
        let found = ids
            .iter()
            .filter_map(|id| items.get(id).map(|(_, available)| (*id, *available)));
        Ok(found
            .map(|(product_id, available)| Available {
                product_id,
                available,
            })
            .collect())
    }

    async fn reserve(&self, _: &Reserve) -> Result<Reservation, CallError> {
        panic!("products reserve nothing")
    }

    async fn release(&self, _: &str) -> Result<Released, CallError> {
        panic!("products release nothing")
    }

    async fn confirm(&self, _: &str) -> Result<Reservation, CallError> {
        panic!("products confirm nothing")
    }

    async fn reservation(&self, _: &str) -> Result<ReservationDetail, CallError> {
        panic!("products read no reservation")
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    /// The status and a problem's code.
    pub fn problem(&self) -> (u16, &str) {
        (
            self.status.as_u16(),
            self.body["code"].as_str().unwrap_or_default(),
        )
    }

    /// The bad fields of a 400.
    pub fn fields(&self) -> Vec<&str> {
        self.body["errors"]
            .as_object()
            .map(|errors| errors.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub enum Who {
    Nobody,
    Shopper,
    Admin,
    Service,
}

pub struct TestApp {
    router: Router,
    keys: InternalKeys,
    pub products: Products,
    pub clock: Arc<MockClock>,
    pub stock: Arc<FakeStock>,
    _schema: SchemaGuard,
}

impl TestApp {
    pub async fn start() -> Self {
        let schema = fresh_schema("products").await;
        let db = Db::connect_url(&schema.url, 8).unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        Self::over(db, schema)
    }

    /// Over a schema of the first version, in which this statement was run.
    pub async fn upgraded(before: &'static str) -> Self {
        let schema = fresh_schema("products").await;
        let db = Db::connect_url(&schema.url, 8).unwrap();
        db.migrate(&MIGRATIONS[..1]).await.unwrap();
        let run = db.run_tx("before", move |tx| {
            Box::pin(async move {
                sqlx::query(before).execute(tx).await?;
                Ok(())
            })
        });
        run.await
            .map_err(|error: mall_db::TxError<()>| error.to_string())
            .unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        Self::over(db, schema)
    }

    /// With a database that is not there.
    pub async fn without_database() -> Self {
        let schema = fresh_schema("products").await;
        Self::over(
            Db::connect_url("mysql://root@127.0.0.1:9/none", 1).unwrap(),
            schema,
        )
    }

    fn over(db: Db, schema: SchemaGuard) -> Self {
        let clock = MockClock::at("2026-05-01T10:00:00+09:00");
        let stock = Arc::new(FakeStock::default());
        let zone = Zone::parse("Asia/Seoul").unwrap();
        let products = Products::new(
            db,
            clock.clone(),
            zone,
            stock.clone(),
            RelaySettings::default(),
        );
        let keys = InternalKeys::new(&SecretString::from("k".repeat(32))).unwrap();
        let stack = Stack {
            name: "application-product",
            keys: Some(keys.clone()),
            clock: clock.clone(),
            metrics: Metrics::new(),
            body_limit: 1 << 20,
        };
        let router = stack.around(routes::router(products.clone()).into());
        Self {
            router,
            keys,
            products,
            clock,
            stock,
            _schema: schema,
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call(Who::Nobody, Method::GET, path, None).await
    }

    pub async fn admin(&self, method: Method, path: &str, body: Value) -> Reply {
        self.call(Who::Admin, method, path, Some(body.to_string()))
            .await
    }

    /// Adds a product and returns its id.
    pub async fn add(&self, body: Value) -> i64 {
        self.admin(Method::POST, "/product/admin/add", body)
            .await
            .ok()["productId"]
            .as_i64()
            .unwrap()
    }

    pub async fn call(&self, who: Who, method: Method, path: &str, body: Option<String>) -> Reply {
        let request = Request::builder().method(method).uri(path);
        self.send(who, request, body).await
    }

    /// The admin, with an idempotency key.
    pub async fn keyed(&self, key: &str, method: Method, path: &str, body: &Value) -> Reply {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("idempotency-key", key);
        self.send(Who::Admin, request, Some(body.to_string())).await
    }

    async fn send(
        &self,
        who: Who,
        mut request: http::request::Builder,
        body: Option<String>,
    ) -> Reply {
        let now = self.clock.now();
        let identity = |role| Identity {
            user: UserId(1),
            role,
            session: "s".to_owned(),
            access_expires_at: now + Duration::from_secs(3600),
        };
        request = match who {
            Who::Nobody => request,
            Who::Shopper => request.header(
                IDENTITY_HEADER,
                self.keys
                    .sign_identity(&identity(Role::User), "application-product", now),
            ),
            Who::Admin => request.header(
                IDENTITY_HEADER,
                self.keys
                    .sign_identity(&identity(Role::Admin), "application-product", now),
            ),
            Who::Service => request.header(
                SERVICE_HEADER,
                self.keys
                    .sign_service("application-order", "application-product", now),
            ),
        };
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(body)),
            None => request.body(Body::empty()),
        };
        let response = self.router.clone().oneshot(request.unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply {
            status,
            headers,
            body,
        }
    }
}
