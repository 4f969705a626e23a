//! Stock services over shared servers, and an audit that reads MySQL and Redis alone.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use mall_auth::{InternalKeys, SERVICE_HEADER};
use mall_clock::{Clock, SystemClock};
use mall_db::Db;
use mall_lock::Locks;
use mall_service::Stack;
use mall_stock::hot::Hot;
use mall_stock::metrics::StockMetrics;
use mall_stock::{MIGRATIONS, SharedStock, Stock, routes};
use mall_telemetry::metrics::Metrics;
use mall_testkit::{SchemaGuard, eventually, fresh_schema};
use redis::AsyncCommands;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

/// How long a test waits for what happens in the background.
pub const SOON: Duration = Duration::from_secs(10);

/// A schema and a Redis, which the instances of a test share.
pub struct Servers {
    pub schema: SchemaGuard,
    pub db: Db,
    pub redis: redis::Client,
    pub commands: ConnectionManager,
    /// A Redis of its own, for tests that empty or stop it.
    pub own_redis: Option<(mall_testkit::Redis, mall_testkit::Scratch)>,
}

/// One stock service.
#[derive(Clone)]
pub struct Instance {
    pub stock: SharedStock,
    pub locks: Locks,
    pub metrics: Metrics,
    router: Router,
    keys: InternalKeys,
}

/// How an instance is set.
#[derive(Clone, Copy)]
pub struct Tuning {
    pub wait: Duration,
    pub lease: Duration,
    pub pending_age: Duration,
    pub batch: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(5),
            lease: Duration::from_secs(3),
            pending_age: Duration::from_secs(30),
            batch: 256,
        }
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
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
}

/// What MySQL says of a product.
#[derive(Debug, PartialEq, Eq)]
pub struct Books {
    pub supplied: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
}

/// Product ids that no other test uses: tests share a Redis.
pub fn new_product() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let process = i64::from(Uuid::new_v4().as_fields().0) * 10_000;
    let base = NEXT
        .compare_exchange(0, process, Ordering::AcqRel, Ordering::Acquire)
        .map_or_else(|at| at, |_| process);
    debug_assert!(base > 0);
    NEXT.fetch_add(1, Ordering::AcqRel) + 1
}

pub fn manager(client: &redis::Client) -> ConnectionManager {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_connection_timeout(Some(Duration::from_millis(500)))
        .set_response_timeout(Some(Duration::from_secs(2)));
    ConnectionManager::new_lazy_with_config(client.clone(), config).unwrap()
}

impl Servers {
    pub async fn open() -> Self {
        Self::over(mall_testkit::redis_url().await, None).await
    }

    pub async fn with_own_redis() -> Self {
        let scratch = mall_testkit::Scratch::new("stock-redis").unwrap();
        let (redis, scratch) = tokio::task::spawn_blocking(move || {
            (
                mall_testkit::Redis::start(scratch.path(), None).unwrap(),
                scratch,
            )
        })
        .await
        .unwrap();
        Self::over(redis.url(), Some((redis, scratch))).await
    }

    async fn over(
        url: String,
        own_redis: Option<(mall_testkit::Redis, mall_testkit::Scratch)>,
    ) -> Self {
        let schema = fresh_schema("stock").await;
        let db = Db::connect_url(&schema.url, 16).unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        let redis = redis::Client::open(url).unwrap();
        let commands = manager(&redis);
        Self {
            schema,
            db,
            redis,
            commands,
            own_redis,
        }
    }

    pub fn instance(&self) -> Instance {
        self.tuned(Tuning::default())
    }

    pub fn tuned(&self, tuning: Tuning) -> Instance {
        Instance::over(
            Db::connect_url(&self.schema.url, 16).unwrap(),
            &self.redis,
            tuning,
        )
    }

    pub fn redis(&self) -> ConnectionManager {
        self.commands.clone()
    }

    pub async fn shown(&self, product: i64) -> Option<i64> {
        self.redis()
            .get(format!("{{LOCK:{product}}}:available"))
            .await
            .unwrap()
    }

    pub async fn pending(&self, product: i64) -> Vec<(String, String)> {
        self.redis()
            .hgetall(format!("{{LOCK:{product}}}:pending"))
            .await
            .unwrap()
    }

    /// A batch of one take on its way to MySQL, whose process is gone.
    pub async fn pend(&self, product: i64, id: Uuid, quantity: i64, deadline: i64) {
        let minute = SystemClock.now().timestamp() / 60;
        let (nonce, id) = (Uuid::new_v4().to_string(), id.to_string());
        let entry = format!("{deadline}|{minute}|{id} {quantity}");
        let (pending, takes) = ("pending".to_owned(), format!("takes:{minute}"));
        let key = |name: String| format!("{{LOCK:{product}}}:{name}");
        let _: () = redis::pipe()
            .atomic()
            .hset(key(pending), &nonce, entry)
            .hset(key(takes), id, &nonce)
            .query_async(&mut self.redis())
            .await
            .unwrap();
    }

    pub async fn books(&self, product: i64) -> Books {
        let read = self.db.read("books", move |conn| {
            Box::pin(async move {
                let row: (i64, i64, i64, i64) = sqlx::query_as(
                    "SELECT supplied, available, held, sold FROM stock_item WHERE product_id = ?",
                )
                .bind(product)
                .fetch_one(conn)
                .await?;
                Ok(row)
            })
        });
        let (supplied, available, held, sold) = read
            .await
            .map_err(|error: mall_db::TxError<()>| error.to_string())
            .unwrap();
        Books {
            supplied,
            available,
            held,
            sold,
        }
    }

    /// Laws 1, 2 and 4, read from MySQL and Redis alone: the ledger's sums and the reservations' sums are the item's row, and,
    /// when quiet, Redis shows what MySQL has and nothing is pending.
    pub async fn audit(&self, product: i64) -> Books {
        let books = self.books(product).await;
        assert_eq!(
            books.supplied,
            books.available + books.held + books.sold,
            "conservation: {books:?}"
        );
        let sums = self.db.read("audit", move |conn| {
            Box::pin(async move {
                let ledger: (i64, i64, i64, i64) = sqlx::query_as(
                    "SELECT CAST(COALESCE(SUM(supplied), 0) AS SIGNED), CAST(COALESCE(SUM(available), 0) AS SIGNED), \
                     CAST(COALESCE(SUM(held), 0) AS SIGNED), CAST(COALESCE(SUM(sold), 0) AS SIGNED) \
                     FROM stock_movement WHERE product_id = ?",
                )
                .bind(product)
                .fetch_one(&mut *conn)
                .await?;
                let by_state: Vec<(String, i64)> = sqlx::query_as(
                    "SELECT state, CAST(SUM(quantity) AS SIGNED) FROM ( \
                       SELECT state, quantity FROM reservation WHERE product_id = ? \
                       UNION ALL \
                       SELECT r.state, l.quantity FROM reservation r JOIN reservation_line l \
                         ON l.reservation_id = r.reservation_id WHERE l.product_id = ?) booked \
                     GROUP BY state",
                )
                .bind(product)
                .bind(product)
                .fetch_all(conn)
                .await?;
                Ok((ledger, by_state))
            })
        });
        let (ledger, by_state) = sums
            .await
            .map_err(|error: mall_db::TxError<()>| error.to_string())
            .unwrap();
        assert_eq!(
            ledger,
            (books.supplied, books.available, books.held, books.sold),
            "ledger"
        );
        let sum = |state: &str| {
            by_state
                .iter()
                .find(|(found, _)| found == state)
                .map_or(0, |(_, sum)| *sum)
        };
        assert_eq!(
            (sum("HELD"), sum("SOLD")),
            (books.held, books.sold),
            "reservations"
        );
        eventually(SOON, || async {
            let (shown, pending) = (self.shown(product).await, self.pending(product).await);
            // A count that is not loaded shows nothing, so nothing wrong.
            if shown.is_none_or(|shown| shown == books.available) && pending.is_empty() {
                Ok(())
            } else {
                Err(format!(
                    "Redis shows {shown:?} of {}, pending {pending:?}",
                    books.available
                ))
            }
        })
        .await;
        books
    }
}

impl Instance {
    pub fn over(db: Db, redis: &redis::Client, tuning: Tuning) -> Self {
        let metrics = Metrics::new();
        let commands = manager(redis);
        let locks = Locks::new(redis.clone(), commands.clone());
        let hot = Hot::new(commands, locks.clone(), tuning.wait, tuning.lease);
        let clock = mall_clock::system();
        let meters = StockMetrics::new(&metrics);
        let stock = Stock::new(
            db,
            hot,
            clock.clone(),
            meters,
            tuning.pending_age,
            tuning.batch,
        );
        // A mark would hide what a test changes behind this instance's back; tests of marks set their age.
        stock.marks.believe_for(Duration::ZERO);
        let keys = InternalKeys::new(&SecretString::from("k".repeat(32))).unwrap();
        let stack = Stack {
            name: "application-stock",
            keys: Some(keys.clone()),
            clock,
            metrics: metrics.clone(),
            body_limit: 1 << 20,
        };
        let router = stack.around(routes::router(stock.clone()).into());
        Self {
            stock,
            locks,
            metrics,
            router,
            keys,
        }
    }

    /// As another service.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        let token =
            self.keys
                .sign_service("application-order", "application-stock", SystemClock.now());
        self.send(
            Request::builder()
                .method(method)
                .uri(path)
                .header(SERVICE_HEADER, token),
            body,
        )
        .await
    }

    /// As nobody.
    pub async fn public(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.send(Request::builder().method(method).uri(path), body)
            .await
    }

    async fn send(&self, request: http::request::Builder, body: Option<Value>) -> Reply {
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(Body::from(body.to_string())),
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

    /// A product with so many pieces.
    pub async fn supply(&self, product: i64, pieces: i64) {
        let body = json!({"name": "Mug", "available": pieces, "adjustmentId": format!("supply-{product}")});
        let reply = self
            .call(
                Method::PUT,
                &format!("/internal/stock/items/{product}"),
                Some(body),
            )
            .await;
        assert_eq!(
            reply.ok(),
            json!({"productId": product, "available": pieces})
        );
    }

    /// Makes a product known anew, with these facts; see `RegisterItem`.
    pub async fn register(&self, product: i64, facts: Value) -> Reply {
        let mut body = json!({"name": "Drop", "adjustmentId": format!("supply-{product}")});
        for (key, value) in facts.as_object().unwrap() {
            body[key] = value.clone();
        }
        let path = format!("/internal/stock/items/{product}");
        self.call(Method::PUT, &path, Some(body)).await
    }

    pub async fn reserve(&self, id: Uuid, lines: &[(i64, i64)]) -> Reply {
        self.reserve_for(7, id, lines).await
    }

    pub async fn reserve_for(&self, buyer: i64, id: Uuid, lines: &[(i64, i64)]) -> Reply {
        let lines: Vec<Value> = lines
            .iter()
            .map(|(product, quantity)| json!({"productId": product, "quantity": quantity}))
            .collect();
        let body = json!({"reservationId": id, "buyer": buyer, "lines": lines});
        self.call(Method::POST, "/internal/stock/reservations", Some(body))
            .await
    }

    pub async fn release(&self, id: Uuid) -> Reply {
        self.call(
            Method::POST,
            &format!("/internal/stock/reservations/{id}/release"),
            None,
        )
        .await
    }

    pub async fn confirm(&self, id: Uuid) -> Reply {
        self.call(
            Method::POST,
            &format!("/internal/stock/reservations/{id}/confirm"),
            None,
        )
        .await
    }

    pub async fn adjust(&self, product: i64, body: Value) -> Reply {
        self.call(
            Method::POST,
            &format!("/internal/stock/items/{product}/adjust"),
            Some(body),
        )
        .await
    }

    pub async fn detail_stock(&self, product: i64) -> Reply {
        self.public(
            Method::GET,
            &format!("/product/detailStock/{product}"),
            None,
        )
        .await
    }
}
