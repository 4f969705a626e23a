//! The malls in which processes die, and the eyes that look at them from outside.

mod books;
mod deaths;
mod time;
mod wish;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use mall_payments::toss_simulator::{Options, Simulator};
use mall_system_tests::mint::Mint;
use mall_system_tests::{Person, Shop};
use mall_testkit::MallUnderTest;
use sqlx::MySqlPool;
use sqlx::mysql::MySqlPoolOptions;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

pub use self::wish::Wish;

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
}
