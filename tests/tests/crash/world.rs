//! The malls in which processes die, and the eyes that look at them from outside.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use mall_payments::toss_simulator::{Options, Simulator};
use mall_system_tests::mint::Mint;
use mall_system_tests::{Person, Reply, Shop};
use mall_testkit::{MallUnderTest, eventually};
use reqwest::Method;
use serde_json::Value;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, MySqlPool};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

/// One for all tests: a connection must not die with the test that opened it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
});

/// So many malls at most; tests beyond wait for one.
static MALLS: Semaphore = Semaphore::const_new(2);

/// Those that nobody uses now.
static FREE: Mutex<Vec<World>> = Mutex::new(Vec::new());

/// Numbers the folders of orders to die, and the keys of requests.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Whatever is waited for.
const LONG: Duration = Duration::from_secs(30);

/// The processes that die.
const VICTIMS: [&str; 5] = ["orders", "payments", "stock", "carts", "products"];

/// Those of them that run jobs.
const WORKERS: [&str; 3] = ["orders", "payments", "stock"];

/// Of the shop at Toss.
const SECRET_KEY: &str = "test_sk_simulator";

pub struct World {
    pub shop: Shop,
    pub mint: Mint,
    pub admin: Person,
    mysql: MySqlPool,
    faults: PathBuf,
    toss: Option<Simulator>,
}

/// A request that its client repeats, word for word, until he knows.
#[derive(Clone)]
pub struct Wish {
    pub who: Person,
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    key: String,
}

impl Wish {
    pub fn new(who: &Person, method: Method, path: &str, body: Option<Value>) -> Wish {
        Wish {
            who: who.clone(),
            method,
            path: path.to_owned(),
            body,
            key: format!("crash-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// Runs tests in a mall that nobody else has at the time.
pub fn run(test: impl AsyncFnOnce(&World)) {
    run_in(false, test);
}

/// In one that is paid through Toss Payments, which its simulator plays.
pub fn run_with_toss(test: impl AsyncFnOnce(&World, &Simulator)) {
    run_in(true, async |world| {
        test(world, world.toss.as_ref().unwrap()).await
    });
}

fn run_in(with_toss: bool, test: impl AsyncFnOnce(&World)) {
    RUNTIME.block_on(async {
        let _one = MALLS.acquire().await.unwrap();
        let free = {
            let mut free = FREE.lock().unwrap();
            let fits = free
                .iter()
                .position(|world| world.toss.is_some() == with_toss);
            fits.map(|index| free.swap_remove(index))
        };
        let world = match free {
            Some(world) => world,
            None => World::start(with_toss).await,
        };
        test(&world).await;
        // A test that failed takes its mall with it.
        FREE.lock().unwrap().push(world);
    });
}

impl World {
    async fn start(with_toss: bool) -> World {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let faults =
            std::env::temp_dir().join(format!("mall-crash-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&faults).unwrap();
        let mut builder = MallUnderTest::builder()
            // Jobs look often; how old something must be for them is what a test says: see `pass_time`.
            .env("orders", "MALL_ORDERS_DEADLINESCHEDULE", "@every 100ms")
            .env("orders", "MALL_ORDERS_ADVANCESCHEDULE", "@every 100ms")
            .env("orders", "MALL_ORDERS_SETTLESCHEDULE", "@every 100ms")
            .env("orders", "MALL_ORDERS_OUTBOX_POLL", "100ms")
            .env("orders", "MALL_ORDERS_OUTBOX_MAXBACKOFF", "300ms")
            .env("payments", "MALL_PAYMENTS_SETTLESCHEDULE", "@every 100ms")
            .env("stock", "MALL_STOCK_ORPHANSCHEDULE", "@every 100ms")
            .env("stock", "MALL_STOCK_SWEEPSCHEDULE", "@every 100ms")
            // Redis has a clock of its own, which no test moves.
            .env("stock", "MALL_STOCK_PENDINGAGE", "1500ms")
            .env("stock", "MALL_STOCK_LOCKLEASE", "1s")
            .env("stock", "MALL_STOCK_RECONCILESCHEDULE", "@every 500ms")
            // Who died comes back at once, at its old address.
            .env(
                "*",
                "EUREKA_INSTANCE_LEASEEXPIRATIONDURATIONINSECONDS",
                "90",
            )
            .env(
                "*",
                "RESILIENCE4J_CIRCUITBREAKER_CONFIGS_DEFAULT_WAITDURATIONINOPENSTATE",
                "200ms",
            );
        for victim in VICTIMS {
            let file = faults.join(victim).display().to_string();
            builder = builder.env(victim, "MALL_FAULT_FILE", &file);
        }
        let mut toss = None;
        if with_toss {
            let options = Options {
                address: "127.0.0.1:0".parse().unwrap(),
                secret_key: SECRET_KEY.into(),
                webhook_url: None,
                webhook_key: None,
                ledger: None,
            };
            let simulator = Simulator::start(options, mall_clock::system()).await;
            let simulator = simulator.unwrap();
            for (name, value) in [
                ("PROVIDER", "toss"),
                ("TOSS_BASEURL", &simulator.url()),
                ("TOSS_SECRETKEY", SECRET_KEY),
                // Nobody sends any.
                ("TOSS_WEBHOOKSIGNATURE", "if-present"),
            ] {
                builder = builder.env("payments", &format!("MALL_PAYMENTS_{name}"), value);
            }
            toss = Some(simulator);
        }
        let shop = Shop::of(builder.start().await.unwrap());
        World {
            mint: Mint::of(&shop).await,
            admin: shop.admin().await,
            mysql: MySqlPoolOptions::new()
                .max_connections(4)
                .connect(&shop.mall.mysql_url())
                .await
                .unwrap(),
            shop,
            faults,
            toss,
        }
    }

    fn give_order(&self, victim: &str, order: &str) {
        // At once whole: whoever reads half a word would pass.
        let (new, file) = (self.faults.join("new"), self.faults.join(victim));
        std::fs::write(&new, order).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// A process is to die where `point` (`name` or `name:2`) says.
    pub fn arm(&self, victim: &str, point: &str) -> Death {
        let name = point.split(':').next().unwrap();
        let mark = format!("dies at the fault point {name}");
        let before = self.shop.mall.logs(victim).matches(&mark).count();
        self.give_order(victim, &format!("die {point}"));
        Death {
            victim: victim.to_owned(),
            point: point.to_owned(),
            mark,
            before,
        }
    }

    /// Until the process has died there, and nowhere else.
    pub async fn until_dead(&self, death: &Death) {
        let (victim, point) = (&death.victim, &death.point);
        eventually(LONG, || async {
            if self.shop.mall.is_running(victim) {
                Err(format!("{victim} has not died at {point}"))
            } else {
                Ok(())
            }
        })
        .await;
        let deaths = self.shop.mall.logs(victim).matches(&death.mark).count();
        assert_eq!(
            deaths,
            death.before + 1,
            "{victim} died, but not at {point}"
        );
    }

    /// Whether the process dies there, or something else makes that impossible first.
    pub async fn dies_before(&self, death: &Death, is_too_late: impl Fn() -> bool) -> bool {
        let died = eventually(LONG, || async {
            match (self.shop.mall.is_running(&death.victim), is_too_late()) {
                (false, _) => Ok(true),
                (true, true) => Ok(false),
                (true, false) => Err(format!("{} is not at {}", death.victim, death.point)),
            }
        })
        .await;
        if died {
            self.until_dead(death).await;
        }
        died
    }

    /// How often stock has said that it settled what nobody had settled.
    pub fn swept(&self) -> usize {
        let log = self.shop.mall.logs("stock");
        log.matches("settled takes that nobody had settled").count()
    }

    /// Whoever gets to the point waits there, until [`kill`](Self::kill).
    pub fn hold(&self, victim: &str, point: &str) -> Held {
        let mark = format!("is held at the fault point {point}\n");
        let before = self.shop.mall.logs(victim).matches(&mark).count();
        self.give_order(victim, &format!("hold {point}"));
        Held {
            victim: victim.to_owned(),
            mark,
            before,
        }
    }

    /// Until somebody waits there.
    pub async fn until_held(&self, held: &Held) {
        eventually(LONG, || async {
            let log = self.shop.mall.logs(&held.victim);
            if log.matches(&held.mark).count() > held.before {
                Ok(())
            } else {
                Err(format!("nobody in {} {}", held.victim, held.mark))
            }
        })
        .await;
    }

    /// Who waits goes on.
    pub fn let_go(&self, victim: &str) {
        std::fs::remove_file(self.faults.join(victim)).unwrap();
    }

    /// `kill -9`, and nobody is held any more.
    pub async fn kill(&self, victim: &str) {
        self.shop.mall.kill(victim).await;
        let _ = std::fs::remove_file(self.faults.join(victim));
    }

    /// Starts who died. One who is to die again may do so before he is ready.
    pub async fn restart(&self, victim: &str) {
        self.pass_leases(victim).await;
        let restarted = self.shop.mall.restart(victim).await;
        if !self.faults.join(victim).exists() && self.shop.mall.is_running(victim) {
            restarted.unwrap();
        }
    }

    /// Half a minute passes for what a dead process has left: its leases end. (Nobody else is of its schema.)
    async fn pass_leases(&self, victim: &str) {
        if WORKERS.contains(&victim) {
            self.sql(&format!(
                "UPDATE mall_{victim}.job_lease SET until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND"
            ))
            .await;
        }
        if victim == "orders" {
            self.sql("UPDATE mall_orders.idempotency_key SET locked_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE state = 'RUNNING'")
                .await;
            self.sql("UPDATE mall_orders.outbox SET locked_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE locked_until IS NOT NULL")
                .await;
        }
    }

    /// A minute passes for what waits to be asked about.
    pub async fn pass_time(&self) {
        for statement in [
            "UPDATE mall_stock.unattached SET created_at = created_at - INTERVAL 1 MINUTE",
            "UPDATE mall_payments.payment SET next_ask_at = UTC_TIMESTAMP(6) WHERE next_ask_at IS NOT NULL",
            "UPDATE mall_payments.refund SET next_ask_at = UTC_TIMESTAMP(6) WHERE next_ask_at IS NOT NULL",
        ] {
            self.sql(statement).await;
        }
    }

    /// An order has stood as it does for so long.
    pub async fn age(&self, order: i64, minutes: i64) {
        self.sql(&format!(
            "UPDATE mall_orders.orders SET status_since = status_since - INTERVAL {minutes} MINUTE WHERE id = {order}"
        ))
        .await;
    }

    /// An order's payment has been under way for a minute.
    pub async fn begun_long_ago(&self, order: i64) {
        self.sql(&format!(
            "UPDATE mall_orders.orders SET paying_since = paying_since - INTERVAL 1 MINUTE WHERE id = {order}"
        ))
        .await;
    }

    /// What of an order's money moved at its provider, by the provider's own books: each charge, and whether it went back.
    pub async fn moved(&self, order: i64) -> Vec<String> {
        let Some(toss) = &self.toss else {
            let query = format!(
                "SELECT CONCAT(c.amount, IF(c.refunded_at IS NULL, '', ' back')) FROM mall_payments.simulated_charge c \
                 JOIN mall_payments.payment p ON p.provider_key = c.provider_key WHERE p.order_id = {order} AND c.reason IS NULL"
            );
            return self.texts(&query).await;
        };
        let id = format!("order-{order}");
        let movements = toss.ledger().movements;
        let of = |kind: &str| -> Vec<i64> {
            let moved = movements.iter();
            let fits = moved.filter(|moved| moved.order_id == id && moved.kind == kind);
            fits.map(|moved| moved.amount).collect()
        };
        let (charged, mut back) = (of("CHARGE"), of("REFUND"));
        let mut moved = Vec::new();
        for amount in charged {
            match back.iter().position(|given| *given == amount) {
                Some(index) => {
                    back.remove(index);
                    moved.push(format!("{amount} back"));
                }
                None => moved.push(amount.to_string()),
            }
        }
        moved.extend(back.iter().map(|given| format!("{given} too much")));
        moved
    }

    pub async fn sql(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&self.mysql)
            .await
            .unwrap();
    }

    pub async fn texts(&self, query: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_all(&self.mysql)
            .await
            .unwrap()
    }

    pub async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&self.mysql)
            .await
            .unwrap()
    }

    /// Sends it once. `None`: no answer came, or one of the gateway that nobody knows.
    pub async fn try_once(&self, wish: &Wish) -> Option<Reply> {
        let bearer = format!("Bearer {}", wish.who.access);
        let mut request = self
            .shop
            .http()
            .request(
                wish.method.clone(),
                format!("{}{}", self.shop.mall.gateway_url(), wish.path),
            )
            .header("authorization", bearer)
            .header("idempotency-key", &wish.key);
        if let Some(body) = &wish.body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.ok()?;
        Some(Reply {
            status,
            headers,
            text,
        })
    }

    /// Repeats it until the answer is one; and once more, which must be the same.
    pub async fn insist(&self, wish: &Wish) -> Reply {
        let reply = eventually(LONG, || async {
            match self.try_once(wish).await {
                Some(reply) if is_final(&reply) => Ok(reply),
                Some(reply) => Err(format!("{} {}", reply.status, reply.text)),
                None => Err("no answer".to_owned()),
            }
        })
        .await;
        let again = self.try_once(wish).await.expect("an answer");
        assert_eq!(
            (again.status, &again.text),
            (reply.status, &reply.text),
            "a repeated answer is another one"
        );
        assert!(
            again.headers.contains_key("idempotent-replayed"),
            "{again:?}"
        );
        reply
    }

    /// Nothing is on its way any more, and the audit finds nothing.
    pub async fn until_quiet(&self) {
        self.pass_time().await;
        eventually(LONG, || async { self.audit().await }).await;
    }

    async fn audit(&self) -> Result<(), String> {
        for (what, query) in [
            ("messages", "SELECT COUNT(*) FROM mall_orders.outbox"),
            (
                "unasked reservations",
                "SELECT COUNT(*) FROM mall_stock.unattached",
            ),
            (
                "unknown payments",
                "SELECT COUNT(*) FROM mall_payments.payment WHERE state = 'UNKNOWN'",
            ),
            (
                "unknown refunds",
                "SELECT COUNT(*) FROM mall_payments.refund WHERE state = 'UNKNOWN'",
            ),
            (
                "orders being paid",
                "SELECT COUNT(*) FROM mall_orders.orders WHERE paying_since IS NOT NULL",
            ),
        ] {
            let count = self.number(query).await;
            if count > 0 {
                return Err(format!("{count} {what}"));
            }
        }
        let (mysql, redis) = (self.shop.mall.mysql_url(), self.shop.mall.redis_url());
        match mall_audit::run_with(&mysql, &redis, Duration::ZERO).await {
            Ok(report) if report.is_ok() => Ok(()),
            Ok(report) => Err(report.to_string()),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}

/// An answer that says what became of the request.
fn is_final(reply: &Reply) -> bool {
    let status = reply.status.as_u16();
    status < 500 && status != 429 && !reply.headers.contains_key("retry-after")
}

/// A death that was ordered.
pub struct Death {
    victim: String,
    point: String,
    mark: String,
    before: usize,
}

/// A stop that was ordered.
pub struct Held {
    victim: String,
    mark: String,
    before: usize,
}
