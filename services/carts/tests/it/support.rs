//! The service under test, its shoppers and its fake peer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use mall_auth::{IDENTITY_HEADER, Identity, InternalKeys, SERVICE_HEADER};
use mall_carts::{CartsConfig, MIGRATIONS, State, router};
use mall_clock::{Clock, MockClock};
use mall_db::Db;
use mall_http_client::CallError;
use mall_products_api::{ProductView, ProductsApi};
use mall_service::Stack;
use mall_telemetry::metrics::Metrics;
use mall_testkit::{SchemaGuard, fresh_schema};
use mall_types::{ProductId, Role, UserId, Won};
use secrecy::SecretString;
use serde_json::Value;
use tower::ServiceExt;

pub struct TestApp {
    app: Router,
    pub db: Db,
    keys: InternalKeys,
    pub clock: Arc<MockClock>,
    pub products: Arc<FakeProducts>,
    _schema: SchemaGuard,
}

/// Products by id; or away.
#[derive(Default)]
pub struct FakeProducts {
    pub known: Mutex<BTreeMap<ProductId, (&'static str, i64)>>,
    pub away: Mutex<bool>,
}

#[async_trait]
impl ProductsApi for FakeProducts {
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<ProductView>, CallError> {
        if *self.away.lock().unwrap() {
            return Err(CallError::NoInstance {
                service: mall_products_api::SERVICE.to_owned(),
            });
        }
        let known = self.known.lock().unwrap();
        let found = ids
            .iter()
            .filter_map(|id| known.get(id).map(|(name, price)| (*id, *name, *price)));
        Ok(found
            .map(|(product_id, name, price)| ProductView {
                product_id,
                name: name.to_owned(),
                price: Won(price),
                img_url: None,
                img_name: None,
                is_limited_edition: false,
                open_date_time: None,
                purchase_limit: None,
            })
            .collect())
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    /// It is the answer of an earlier request.
    pub replayed: bool,
    pub body: Value,
}

impl Reply {
    /// The status and a problem's code.
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.body["status"], self.status.as_u16(), "{self:?}");
        (
            self.status.as_u16(),
            self.body["code"].as_str().unwrap_or_default(),
        )
    }

    pub fn ok(self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }
}

/// Who asks.
#[derive(Clone, Copy)]
pub enum Who {
    Nobody,
    Shopper(i64),
    Admin(i64),
    Service,
}

impl TestApp {
    /// With the products 1 (Tee), 3 and 4 (Mug).
    pub async fn start() -> Self {
        let schema = fresh_schema("carts").await;
        let db = Db::connect_url(&schema.url, 8).unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        let app = Self::over(db, schema);
        app.products.known.lock().unwrap().extend([
            (ProductId(1), ("Tee", 12000)),
            (ProductId(3), ("Mug", 5000)),
            (ProductId(4), ("Mug", 5000)),
        ]);
        app
    }

    /// With a database that is not there.
    pub async fn without_database() -> Self {
        let schema = fresh_schema("carts").await;
        // Port 9 (discard): nothing listens on it.
        let db = Db::connect_url("mysql://root@127.0.0.1:9/none", 1).unwrap();
        let app = Self::over(db, schema);
        app.products
            .known
            .lock()
            .unwrap()
            .insert(ProductId(1), ("Tee", 12000));
        app
    }

    fn over(db: Db, schema: SchemaGuard) -> Self {
        let clock = MockClock::at("2026-05-01T10:00:00+09:00");
        let products = Arc::new(FakeProducts::default());
        let keys = InternalKeys::new(&SecretString::from("k".repeat(32))).unwrap();
        let state = State::new(
            db.clone(),
            clock.clone(),
            products.clone(),
            CartsConfig {
                max_count: 999,
                max_lines: 3,
            },
        );
        let stack = Stack {
            name: "application-cart",
            keys: Some(keys.clone()),
            clock: clock.clone(),
            metrics: Metrics::new(),
            body_limit: 1 << 16,
        };
        let app = stack.around(router(state).into());
        Self {
            app,
            db,
            keys,
            clock,
            products,
            _schema: schema,
        }
    }

    pub async fn call(&self, who: Who, method: Method, path: &str) -> Reply {
        self.call_with(who, method, path, Body::empty()).await
    }

    pub async fn call_with(
        &self,
        who: Who,
        method: Method,
        path: &str,
        body: impl Into<Body>,
    ) -> Reply {
        self.send(who, Request::builder().method(method).uri(path), body)
            .await
    }

    /// With an idempotency key.
    pub async fn keyed(&self, who: Who, key: &str, method: Method, path: &str) -> Reply {
        let request = Request::builder().method(method).uri(path);
        self.send(who, request.header("idempotency-key", key), Body::empty())
            .await
    }

    async fn send(
        &self,
        who: Who,
        request: http::request::Builder,
        body: impl Into<Body>,
    ) -> Reply {
        let now = self.clock.now();
        let mut request = request.header("content-type", "application/json");
        let identity = |user, role| Identity {
            user: UserId(user),
            role,
            session: "s".to_owned(),
            access_expires_at: now + chrono::Duration::hours(1),
        };
        request = match who {
            Who::Nobody => request,
            Who::Shopper(id) => request.header(
                IDENTITY_HEADER,
                self.keys
                    .sign_identity(&identity(id, Role::User), "application-cart", now),
            ),
            Who::Admin(id) => request.header(
                IDENTITY_HEADER,
                self.keys
                    .sign_identity(&identity(id, Role::Admin), "application-cart", now),
            ),
            Who::Service => request.header(
                SERVICE_HEADER,
                self.keys
                    .sign_service("application-order", "application-cart", now),
            ),
        };
        let response = self
            .app
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let status = response.status();
        let replayed = response.headers().contains_key("idempotent-replayed");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Reply {
            status,
            replayed,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    pub async fn get(&self, who: Who, path: &str) -> Reply {
        self.call(who, Method::GET, path).await
    }

    /// Puts a product into a shopper's cart and returns the line's id.
    pub async fn given_line(&self, user: i64, product: i64, count: i64) -> i64 {
        let path = format!("/cart/add/{product}?count={count}");
        self.call(Who::Shopper(user), Method::POST, &path)
            .await
            .ok()["cartId"]
            .as_i64()
            .unwrap()
    }
}
