//! An order service of its own for each test.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use chrono::{DateTime, Duration, Utc};
use http::{Method, Request};
use http_body_util::BodyExt;
use mall_auth::Identity;
use mall_clock::{Clock, MockClock, Zone};
use mall_db::{Db, TxError};
use mall_jobs::{Jobs, RunNowError, Schedule};
use mall_orders::{
    JobsConfig, MIGRATIONS, Orders, OrdersConfig, OutboxConfig, Peers, jobs, router,
};
use mall_products_api::ProductView;
use mall_service::Span;
use mall_telemetry::metrics::Metrics;
use mall_testkit::{SchemaGuard, fresh_schema};
use mall_types::{CartId, ProductId, Role, UserId, Won};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fakes::{FakeCarts, FakePayments, FakeProducts, FakeStock};

pub const ALICE: i64 = 7;
pub const BOB: i64 = 8;
/// 5000 won, 10 pieces.
pub const MUG: i64 = 3;
/// 700 won, 2 pieces.
pub const PEN: i64 = 4;

pub struct World {
    pub db: Db,
    pub clock: Arc<MockClock>,
    pub products: Arc<FakeProducts>,
    pub carts: Arc<FakeCarts>,
    pub stock: Arc<FakeStock>,
    pub payments: Arc<FakePayments>,
    pub orders: Arc<Orders>,
    pub jobs: Jobs,
    router: Router,
    next_cart: AtomicI64,
    _schema: SchemaGuard,
}

/// What a call was answered.
#[derive(Debug, PartialEq)]
pub struct Answered {
    pub status: u16,
    pub content_type: String,
    pub retry_after: bool,
    pub body: Value,
}

impl Answered {
    pub fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

pub fn config(sold_out_mark: u64) -> OrdersConfig {
    let never = || Schedule::parse("-").unwrap();
    OrdersConfig {
        max_quantity: 1000,
        max_lines: 5,
        payment_deadline: Span::secs(600),
        deadline_schedule: never(),
        status_age: Span::secs(24 * 3600),
        advance_schedule: never(),
        settle_after: Span::secs(15),
        settle_schedule: never(),
        placing_batch: 128,
        placing_writers: 2,
        // Longer than may be set: a test must not depend on how quick it is.
        sold_out_mark: Span::secs(sold_out_mark),
        batch: 3,
        // No test waits for it.
        jobs: JobsConfig {
            per_second: 100_000,
        },
        outbox: OutboxConfig {
            poll: Span::secs(1),
            batch: 50,
            lease: Span::secs(30),
            max_backoff: Span::secs(60),
        },
    }
}

impl World {
    pub async fn new() -> World {
        Self::marking(0).await
    }

    /// With products marked as sold out for so many seconds.
    pub async fn marking(sold_out_mark: u64) -> World {
        Self::at_version(MIGRATIONS.len(), sold_out_mark).await
    }

    /// Over the schema as it was when only so many migrations had run.
    pub async fn at_version(migrations: usize, sold_out_mark: u64) -> World {
        let schema = fresh_schema("orders").await;
        let db = Db::connect_url(&schema.url, 20).unwrap();
        db.migrate(&MIGRATIONS[..migrations]).await.unwrap();
        Self::over(schema, db, sold_out_mark)
    }

    /// Over this database, whose schema is there.
    pub fn over(schema: SchemaGuard, db: Db, sold_out_mark: u64) -> World {
        let clock = MockClock::at("2024-05-01T10:00:00.250+09:00");
        let (products, carts) = (
            Arc::new(FakeProducts::default()),
            Arc::new(FakeCarts::default()),
        );
        let (stock, payments) = (
            Arc::new(FakeStock::default()),
            Arc::new(FakePayments::default()),
        );
        let peers = Peers {
            products: products.clone(),
            carts: carts.clone(),
            stock: stock.clone(),
            payments: payments.clone(),
        };
        let zone = Zone::parse("Asia/Seoul").unwrap();
        let metrics = Metrics::new();
        let orders = Arc::new(Orders::new(
            db.clone(),
            clock.clone(),
            zone,
            peers,
            config(sold_out_mark),
            &metrics,
        ));
        let jobs = jobs(&orders, metrics);
        let router = router(orders.clone()).split_for_parts().0;
        let next_cart = AtomicI64::new(1);
        let world = World {
            db,
            clock,
            products,
            carts,
            stock,
            payments,
            orders,
            jobs,
            router,
            next_cart,
            _schema: schema,
        };
        world.offer(MUG, "Mug", 5000, 10);
        world.offer(PEN, "Pen", 700, 2);
        world
    }

    /// Another replica: the same database and peers, its own jobs and relay.
    pub fn replica(&self) -> (Arc<Orders>, Jobs) {
        let peers = Peers {
            products: self.products.clone(),
            carts: self.carts.clone(),
            stock: self.stock.clone(),
            payments: self.payments.clone(),
        };
        let zone = Zone::parse("Asia/Seoul").unwrap();
        let metrics = Metrics::new();
        let orders = Arc::new(Orders::new(
            self.db.clone(),
            self.clock.clone(),
            zone,
            peers,
            config(0),
            &metrics,
        ));
        let jobs = jobs(&orders, metrics);
        (orders, jobs)
    }

    pub fn offer(&self, id: i64, name: &str, price: i64, pieces: i64) {
        let view = ProductView {
            product_id: ProductId(id),
            name: name.into(),
            price: Won(price),
            img_url: None,
            img_name: None,
            is_limited_edition: false,
            open_date_time: None,
            purchase_limit: None,
        };
        self.products
            .views
            .lock()
            .unwrap()
            .insert(ProductId(id), view);
        self.stock
            .shelf
            .lock()
            .unwrap()
            .available
            .insert(ProductId(id), pieces);
    }

    pub fn limited(&self, id: i64, opens: DateTime<Utc>) {
        self.offer(id, "Limited", 100_000, 5);
        let mut views = self.products.views.lock().unwrap();
        let view = views.get_mut(&ProductId(id)).unwrap();
        view.is_limited_edition = true;
        view.open_date_time = Some(opens);
    }

    pub fn put_in_cart(&self, user: i64, product: i64, count: i64) -> i64 {
        let id = self.next_cart.fetch_add(1, Ordering::Relaxed);
        let line = mall_carts_api::Line {
            cart_id: CartId(id),
            product_id: ProductId(product),
            count,
        };
        self.carts
            .carts
            .lock()
            .unwrap()
            .entry(UserId(user))
            .or_default()
            .push(line);
        id
    }

    pub fn cart(&self, user: i64) -> usize {
        self.carts
            .carts
            .lock()
            .unwrap()
            .get(&UserId(user))
            .map_or(0, Vec::len)
    }

    /// Where its database is.
    pub fn url(&self) -> &str {
        &self._schema.url
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }

    pub async fn call(
        &self,
        user: i64,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answered {
        self.send(
            Some((user, Role::User)),
            method,
            path,
            body.map(|body| body.to_string()),
        )
        .await
    }

    pub async fn send(
        &self,
        caller: Option<(i64, Role)>,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Answered {
        let identity = caller.map(|(user, role)| Identity {
            user: UserId(user),
            role,
            session: "s".into(),
            access_expires_at: self.now() + Duration::hours(1),
        });
        let body = body.unwrap_or_default();
        match identity {
            Some(identity) => self.extended(identity, method, path, body).await,
            None => self.extended((), method, path, body).await,
        }
    }

    /// A call with what the layers around the router put on it.
    pub async fn extended(
        &self,
        extension: impl Clone + Send + Sync + 'static,
        method: Method,
        path: &str,
        body: String,
    ) -> Answered {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .extension(extension);
        let request = request.body(Body::from(body)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers();
        let content_type = headers
            .get("content-type")
            .map(|value| value.to_str().unwrap().to_owned());
        let (content_type, retry_after) = (
            content_type.unwrap_or_default(),
            headers.contains_key("retry-after"),
        );
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answered {
            status,
            content_type,
            retry_after,
            body,
        }
    }

    pub async fn order(&self, user: i64, product: i64, quantity: i64) -> Answered {
        let body = json!({"productId": product, "quantity": quantity});
        self.call(user, Method::POST, "/order/orderProduct", Some(body))
            .await
    }

    /// An order of Alice's that waits for its payment.
    pub async fn placed(&self) -> i64 {
        let answer = self.order(ALICE, MUG, 2).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["orderId"].as_i64().unwrap()
    }

    /// An order of Alice's that is paid, with its effects delivered.
    pub async fn paid(&self) -> i64 {
        let order = self.placed().await;
        assert_eq!(self.pay(ALICE, order).await.status, 200);
        self.quiet().await;
        order
    }

    pub async fn order_cart(&self, user: i64) -> Answered {
        self.call(user, Method::POST, "/order/orderCartList", None)
            .await
    }

    pub async fn pay(&self, user: i64, order: i64) -> Answered {
        self.pay_with(
            user,
            order,
            json!({"isCanceled": false, "isLimitExcess": false}),
        )
        .await
    }

    pub async fn pay_with(&self, user: i64, order: i64, body: Value) -> Answered {
        self.call(
            user,
            Method::PUT,
            &format!("/order/payOrder/{order}"),
            Some(body),
        )
        .await
    }

    pub async fn cancel(&self, user: i64, order: i64) -> Answered {
        self.call(user, Method::PUT, &format!("/order/cancel/{order}"), None)
            .await
    }

    pub async fn refund(&self, user: i64, order: i64) -> Answered {
        self.call(user, Method::PUT, &format!("/order/refund/{order}"), None)
            .await
    }

    pub async fn detail(&self, user: i64, order: i64) -> Answered {
        self.call(user, Method::GET, &format!("/order/{order}"), None)
            .await
    }

    pub async fn list(&self, user: i64) -> Value {
        let answer = self.call(user, Method::GET, "/order/orderlist", None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// The status of one of Alice's orders.
    pub async fn status(&self, order: i64) -> String {
        self.detail(ALICE, order).await.body["orderStatus"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Why one of Alice's orders is where it is.
    pub async fn causes(&self, order: i64) -> Vec<String> {
        let detail = self.detail(ALICE, order).await.body;
        detail["history"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["cause"].as_str().unwrap().to_owned())
            .collect()
    }

    pub async fn run(&self, job: &str) {
        match self.jobs.run_now(job).await {
            Ok(()) | Err(RunNowError::Running(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Lets the relay work until nothing is left to deliver; a failed row waits for its backoff, so time passes.
    pub async fn quiet(&self) {
        for _ in 0..20 {
            while self.orders.relay().drain_once().await.unwrap() > 0 {}
            if self.orders.relay().pending().await.unwrap() == 0 {
                assert_eq!(self.orders.relay().dead().await.unwrap(), 0);
                return;
            }
            self.pass(1);
        }
        panic!("the outbox does not empty");
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        let count = self.db.read("count", move |conn| {
            Box::pin(async move {
                let (count,): (i64,) = sqlx::query_as(sql).fetch_one(conn).await?;
                Ok::<_, TxError<Infallible>>(count)
            })
        });
        count.await.unwrap()
    }

    pub async fn execute(&self, sql: String) {
        let done = self.db.run_tx("execute", move |tx| {
            let sql = sqlx::AssertSqlSafe(sql.clone());
            Box::pin(async move {
                sqlx::query(sql).execute(tx).await?;
                Ok::<_, TxError<Infallible>>(())
            })
        });
        done.await.unwrap();
    }

    pub async fn orders(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM orders").await
    }
}
