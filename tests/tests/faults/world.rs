//! The mall that all faults happen to, one after the other.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mall_system_tests::mint::Mint;
use mall_system_tests::{Person, Shop};
use mall_testkit::{FaultProxy, MallUnderTest, Scratch, Weather, ports};
use reqwest::Method;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::{AssertSqlSafe, MySqlPool};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// One for all tests: a connection must not die with the test that opened it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
});

static WORLD: OnceCell<Mutex<World>> = OnceCell::const_new();

/// Numbers of buyers, apart from those that the mint gives.
static NEXT: AtomicI64 = AtomicI64::new(5_000_000);

pub struct World {
    pub shop: Shop,
    pub mint: Mint,
    pub admin: Person,
    pub mysql: MySqlPool,
    /// Between both instances of stock and MySQL.
    pub network: FaultProxy,
    /// Between both instances of stock and Redis.
    pub to_redis: FaultProxy,
    max_connections: i64,
    /// Where the instances of stock read by how much their clocks are wrong.
    clocks: Scratch,
}

/// The instances of stock.
pub const STOCKS: [&str; 2] = ["stock", "stock-2"];

/// Runs a test alone in the world.
pub fn run<F: AsyncFnOnce(MutexGuard<'static, World>)>(test: F) {
    RUNTIME.block_on(async {
        let world = WORLD
            .get_or_init(|| async { Mutex::new(World::start().await) })
            .await;
        let world = world.lock().await;
        // Whatever a test that failed has left.
        world.network.set(Weather::Fine);
        world.to_redis.set(Weather::Fine);
        for stock in STOCKS {
            world.set_clock(stock, 0);
        }
        for frozen in ["stock", "stock-2", "mysql", "redis"] {
            world.shop.mall.resume(frozen).await;
        }
        world.restore().await;
        world.shop.mall.wait_healthy().await.unwrap();
        test(world).await;
    });
}

/// A port for a server that is to come, and a proxy in front of it.
async fn proxy() -> (u16, FaultProxy) {
    let port = ports::free_port().unwrap();
    let proxy = FaultProxy::start(([127, 0, 0, 1], port).into());
    (port, proxy.await.unwrap())
}

impl World {
    async fn start() -> World {
        let (mysql_port, network) = proxy().await;
        let (redis_port, to_redis) = proxy().await;
        let clocks = Scratch::new("clocks").unwrap();
        let clock = |of: &str| clocks.path().join(of).display().to_string();
        let mall = MallUnderTest::builder()
            .env("stock", mall_clock::WRONG_CLOCK_VARIABLE, &clock("stock"))
            .env(
                "stock-2",
                mall_clock::WRONG_CLOCK_VARIABLE,
                &clock("stock-2"),
            )
            .instances("stock", 2)
            .instances("orders", 2)
            .mysql_port(mysql_port)
            .redis_port(redis_port)
            .env(
                "stock",
                "SPRING_DATASOURCE_URL",
                &format!("mysql://127.0.0.1:{}/mall_stock", network.port()),
            )
            .env(
                "stock",
                "SPRING_DATA_REDIS_URL",
                &format!("redis://127.0.0.1:{}/", to_redis.port()),
            )
            // What is said in minutes elsewhere is said in seconds here; nothing of it may matter to what is right.
            .env("stock", "MALL_STOCK_LOCKLEASE", "1s")
            .env("stock", "MALL_STOCK_PENDINGAGE", "3s")
            .env("stock", "MALL_STOCK_SWEEPSCHEDULE", "@every 500ms")
            .env("stock", "MALL_STOCK_RECONCILESCHEDULE", "@every 1s")
            .env("stock", "MALL_STOCK_ORPHANAGE", "4s")
            .env("stock", "MALL_STOCK_ORPHANSCHEDULE", "@every 500ms")
            .env("orders", "MALL_ORDERS_OUTBOX_MAXBACKOFF", "1s")
            .env("orders", "MALL_ORDERS_OUTBOX_LEASE", "5s")
            .env(
                "*",
                "RESILIENCE4J_CIRCUITBREAKER_CONFIGS_DEFAULT_WAITDURATIONINOPENSTATE",
                "1s",
            )
            .start()
            .await
            .unwrap();
        let shop = Shop::of(mall);
        // Also after the server was killed.
        let mysql = MySqlPoolOptions::new()
            .max_connections(2)
            .test_before_acquire(true)
            .connect(&shop.mall.mysql_url())
            .await
            .unwrap();
        let most = "SELECT CAST(@@GLOBAL.max_connections AS SIGNED)";
        World {
            mint: Mint::of(&shop).await,
            admin: shop.admin().await,
            max_connections: sqlx::query_scalar(most).fetch_one(&mysql).await.unwrap(),
            mysql,
            shop,
            network,
            to_redis,
            clocks,
        }
    }

    /// A number that nobody has had.
    pub fn newcomer(&self) -> i64 {
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// From now on the clock of an instance of stock is ahead by so many seconds.
    pub fn set_clock(&self, instance: &str, seconds: i64) {
        // Whoever reads in between reads nothing or all of it, never another number.
        let (new, file) = (
            self.clocks.path().join("new"),
            self.clocks.path().join(instance),
        );
        std::fs::write(&new, seconds.to_string()).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    /// The sum of an instance's samples of a metric with all of these labels.
    pub async fn metric(&self, instance: &str, name: &str, labels: &[&str]) -> f64 {
        let url = self.shop.mall.url(instance);
        let path = "/actuator/prometheus";
        let text = self.shop.send_to(&url, Method::GET, path, &[], None).await;
        let text = text.expect(200).text;
        let samples = text.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('{'))
                && labels.iter().all(|label| line.contains(label))
        });
        samples
            .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Runs a command of Redis.
    pub async fn redis(&self, command: &str) {
        let client = redis::Client::open(self.shop.mall.redis_url()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let () = redis::cmd(command).query_async(&mut redis).await.unwrap();
    }

    /// Runs statements that need no answer, as MySQL's owner.
    pub async fn sql(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
            .execute(&self.mysql)
            .await
            .unwrap();
    }

    /// Ends the connections of these users, whatever they do.
    pub async fn end_connections(&self, users: &str) {
        let connections: Vec<i64> = sqlx::query_scalar(
            "SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST WHERE USER LIKE ?",
        )
        .bind(users)
        .fetch_all(&self.mysql)
        .await
        .unwrap();
        for connection in connections {
            // It may have ended by itself.
            let kill = AssertSqlSafe(format!("KILL {connection}"));
            let _ = sqlx::raw_sql(kill).execute(&self.mysql).await;
        }
    }

    /// The server takes as many connections as at first.
    pub async fn restore(&self) {
        let most = self.max_connections;
        self.sql(&format!("SET GLOBAL max_connections = {most}"))
            .await;
    }

    /// Where Redis keeps what SAVE wrote, and looks for it when it starts.
    pub fn snapshot(&self) -> PathBuf {
        let home = self.shop.mall.mail_folder();
        home.parent().unwrap().join("redis/dump.rdb")
    }

    /// Waits until nothing is on its way and the audit finds nothing; `Err` is what it still finds.
    pub async fn audited(&self) -> Result<(), String> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let Err(found) = self.audit().await else {
                return Ok(());
            };
            if tokio::time::Instant::now() > deadline {
                return Err(found);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn audit(&self) -> Result<(), String> {
        let query = "SELECT COUNT(*) FROM mall_orders.outbox";
        let waiting: Result<i64, _> = sqlx::query_scalar(query).fetch_one(&self.mysql).await;
        match waiting {
            Ok(0) => {}
            Ok(count) => {
                return Err(format!("{count} messages of orders are on their way"));
            }
            Err(error) => return Err(error.to_string()),
        }
        let (mysql, redis) = (self.shop.mall.mysql_url(), self.shop.mall.redis_url());
        match mall_audit::run_with(&mysql, &redis, Duration::ZERO).await {
            Ok(report) if report.is_ok() => Ok(()),
            Ok(report) => Err(report.to_string()),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}
