//! What is promised of orders in numbers, measured on a private MariaDB:
//! `cargo bench -p mall-orders --bench numbers -- lists [rows]`, `... -- schedulers [orders] [per second]`,
//! `... -- placing [shoppers] [1: with keys]`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that can't be made says so and ends"
)]

mod lists;
mod peers;
mod placing;
mod schedulers;

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use mall_auth::Identity;
use mall_clock::{Clock, SystemClock, Zone};
use mall_db::{Db, TxError};
use mall_jobs::{Jobs, Schedule};
use mall_orders::{JobsConfig, MIGRATIONS, Orders, OrdersConfig, OutboxConfig, jobs, router};
use mall_service::Span;
use mall_telemetry::metrics::Metrics;
use mall_testkit::MariaDb;
use mall_testkit::mariadb::MariaDbSettings;
use mall_types::{Role, UserId};
use tower::ServiceExt;

/// The service over a database of its own.
pub struct Bench {
    pub db: Db,
    pub orders: Arc<Orders>,
    pub jobs: Jobs,
    per_second: u32,
    router: Router,
    server: MariaDb,
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !self.folder.as_os_str().is_empty() {
            self.server.stop();
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Bench {
    /// `throwaway`: nothing is forced to the disk. `per_second`: the pace of jobs.
    pub async fn new(throwaway: bool, buffer_pool_mib: u32, per_second: u32) -> Bench {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("orders-numbers-{}", std::process::id()));
        let settings = MariaDbSettings {
            throwaway,
            buffer_pool_mib,
            ..MariaDbSettings::new(&folder)
        };
        let start = move || MariaDb::start_with(&settings).unwrap();
        let server = tokio::task::spawn_blocking(start).await.unwrap();
        Bench::on(server, "orders", folder, per_second).await
    }

    /// Another service over a schema of its own on the same server.
    pub async fn beside(&self, schema: &str) -> Bench {
        Bench::on(self.server.clone(), schema, PathBuf::new(), self.per_second).await
    }

    async fn on(server: MariaDb, schema: &str, folder: PathBuf, per_second: u32) -> Bench {
        let root = Db::connect_url(&server.url_root(), 1).unwrap();
        statement(
            &root,
            format!("CREATE DATABASE {schema} CHARACTER SET utf8mb4"),
        )
        .await;
        let url = format!("{}/{schema}", server.url_root());
        let db = Db::connect_url(&url, 16).unwrap();
        db.migrate(MIGRATIONS).await.unwrap();
        let zone = Zone::parse("Asia/Seoul").unwrap();
        let (metrics, clock) = (Metrics::new(), Arc::new(SystemClock));
        let peers = peers::peers();
        let orders = Orders::new(db.clone(), clock, zone, peers, config(per_second), &metrics);
        let orders = Arc::new(orders);
        Bench {
            jobs: jobs(&orders, metrics),
            per_second,
            router: router(orders.clone()).split_for_parts().0,
            orders,
            db,
            server,
            folder,
        }
    }

    /// How long the answer takes, which must be 200.
    pub async fn call(&self, by: (i64, Role), method: Method, path: &str, body: &str) -> Duration {
        self.keyed(by, method, path, body, None).await
    }

    /// The same with an Idempotency-Key.
    pub async fn keyed(
        &self,
        (user, role): (i64, Role),
        method: Method,
        path: &str,
        body: &str,
        key: Option<&str>,
    ) -> Duration {
        let identity = Identity {
            user: UserId(user),
            role,
            session: "s".into(),
            access_expires_at: SystemClock.now() + chrono::Duration::hours(1),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .extension(identity);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let started = Instant::now();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let took = started.elapsed();
        assert_eq!(status.as_u16(), 200, "{path}: {bytes:?}");
        took
    }
}

/// As in `defaults.yml`.
const PER_SECOND: u32 = 2000;

/// As in `defaults.yml`, but for schedules: nothing runs by itself.
fn config(per_second: u32) -> OrdersConfig {
    let never = || Schedule::parse("-").unwrap();
    OrdersConfig {
        max_quantity: 10_000,
        max_lines: 200,
        payment_deadline: Span::secs(600),
        deadline_schedule: never(),
        status_age: Span::secs(24 * 3600),
        advance_schedule: never(),
        settle_after: Span::secs(15),
        settle_schedule: never(),
        placing_batch: 128,
        placing_writers: 2,
        sold_out_mark: Span::millis(100),
        batch: 100,
        jobs: JobsConfig { per_second },
        outbox: OutboxConfig {
            poll: Span::secs(1),
            batch: 50,
            lease: Span::secs(30),
            max_backoff: Span::secs(60),
        },
    }
}

pub async fn statement(db: &Db, sql: String) {
    let patient = db.with_unit_limit(Duration::from_secs(3600));
    let done = patient.run_tx("bench", move |tx| {
        let sql = sqlx::AssertSqlSafe(sql.clone());
        Box::pin(async move {
            sqlx::raw_sql(sql).execute(tx).await?;
            Ok::<_, TxError<Infallible>>(())
        })
    });
    done.await.unwrap();
}

/// Orders `from..to` with a line each. `state` and `placed` are SQL over `n`, the order's number less one.
pub async fn fill(db: &Db, (from, to): (u64, u64), state: &str, placed: &str) {
    let digits = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
                  UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let mut at = from;
    while at < to {
        let end = to.min(at + 100_000);
        let numbers = format!(
            "(SELECT {at} + a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n \
              FROM {digits} a, {digits} b, {digits} c, {digits} e, {digits} f) numbers WHERE n < {end} ORDER BY n"
        );
        statement(
            db,
            format!(
                "INSERT INTO orders (id, user_id, status, order_date, status_since, reservation_id, total) \
                 SELECT n + 1, 1000 + n DIV 10, {state}, {placed}, {placed}, \
                        CONCAT('00000000-0000-7000-8000-', LPAD(HEX(n), 12, '0')), 5000 FROM {numbers}; \
                 INSERT INTO order_line (order_id, line_no, product_id, product_name, price, quantity, order_status) \
                 SELECT n + 1, 1, n % 20, 'Mug', 5000, 1, {state} FROM {numbers}"
            ),
        )
        .await;
        at = end;
        if (at - from).is_multiple_of(500_000) {
            eprintln!("{at} orders of {to}");
        }
    }
    statement(db, "ANALYZE TABLE orders, order_line".into()).await;
}

/// The value that so many per cent of them don't exceed.
pub fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn main() {
    // `cargo bench` adds words of its own.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match words.first().map(String::as_str) {
        Some("lists") => runtime.block_on(lists::run(number(1).unwrap_or(5_000_000))),
        Some("schedulers") => {
            let pace = number(2).map_or(PER_SECOND, |pace| u32::try_from(pace).unwrap());
            runtime.block_on(schedulers::run(number(1).unwrap_or(100_000), pace));
        }
        Some("placing") => {
            let shoppers = i64::try_from(number(1).unwrap_or(64)).unwrap();
            runtime.block_on(placing::run(shoppers, number(2) == Some(1)));
        }
        _ => println!(
            "say what: placing [shoppers] [1], lists [rows], schedulers [orders] [per second]"
        ),
    }
}
