//! The malls that several tests share, and the runtime that they all live in.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use mall_system_tests::{Person, Shop};
use mall_testkit::{MallBuilder, MallUnderTest};
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::books::Books;
use super::mint::Mint;

/// One for all tests: a connection must not die with the test that opened it.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
});

/// Logs of the malls, to be kept when a test fails: a static mall is never dropped, so it can't see to that itself.
static LOGS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Two instances of stock and orders, no time passes.
static STEADY: OnceCell<RwLock<Town>> = OnceCell::const_new();

/// Two instances of stock and orders; a day and a payment's ten minutes pass in seconds.
static HASTY: OnceCell<RwLock<Town>> = OnceCell::const_new();

/// A mall with its people and its books.
pub struct Town {
    pub shop: Shop,
    pub admin: Person,
    pub mint: Mint,
    pub books: Books,
}

/// Runs a test.
pub fn run<F: Future>(test: F) -> F::Output {
    let _keep = KeepLogs;
    RUNTIME.block_on(test)
}

struct KeepLogs;

#[allow(
    clippy::print_stderr,
    reason = "whoever reads of the failure looks there"
)]
impl Drop for KeepLogs {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for logs in LOGS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let mall = logs
                .parent()
                .and_then(|home| home.file_name())
                .unwrap_or_default();
            let kept = std::env::temp_dir().join(format!("mall-failed-{}", mall.display()));
            let copied = std::fs::create_dir_all(&kept).and_then(|()| {
                for log in std::fs::read_dir(logs)? {
                    let log = log?;
                    std::fs::copy(log.path(), kept.join(log.file_name()))?;
                }
                Ok(())
            });
            if copied.is_ok() {
                eprintln!("logs of the services: {}", kept.display());
            }
        }
    }
}

impl Town {
    /// Starts a mall.
    pub async fn build(builder: MallBuilder) -> Town {
        let shop = Shop::of(builder.start().await.unwrap());
        if let Some(home) = shop.mall.mail_folder().parent() {
            LOGS.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(home.join("logs"));
        }
        let admin = shop.admin().await;
        let mint = Mint::of(&shop).await;
        let books = Books::open(&shop).await;
        Town {
            shop,
            admin,
            mint,
            books,
        }
    }

    /// A plain product with so much stock; the id.
    pub async fn mug(&self, stock: i64) -> i64 {
        self.shop.mug(&self.admin, stock).await
    }
}

async fn steady() -> &'static RwLock<Town> {
    STEADY
        .get_or_init(|| async {
            let builder = MallUnderTest::builder()
                .instances("stock", 2)
                .instances("orders", 2)
                .env("*", "LOGGING_FORMAT", "json")
                // Who leaves the registry in order is gone at once, who does not would be seen for very long.
                .env(
                    "*",
                    "EUREKA_INSTANCE_LEASEEXPIRATIONDURATIONINSECONDS",
                    "90",
                );
            RwLock::new(Town::build(builder).await)
        })
        .await
}

/// The mall for tests that do not mind what others do in it.
pub async fn shared() -> RwLockReadGuard<'static, Town> {
    steady().await.read().await
}

/// The same for one that must be alone: it compares everything there is, or stops services.
pub async fn alone() -> RwLockWriteGuard<'static, Town> {
    steady().await.write().await
}

/// How long an order stays in a state in the hasty mall: a day, as it were.
pub const DAY: &str = "3s";

/// The mall in which time flies.
pub async fn hasty() -> RwLockReadGuard<'static, Town> {
    let cell = HASTY.get_or_init(|| async {
        let builder = MallUnderTest::builder()
            .instances("stock", 2)
            .instances("orders", 2)
            .env("orders", "MALL_ORDERS_STATUSAGE", DAY)
            .env("orders", "MALL_ORDERS_ADVANCESCHEDULE", "@every 200ms")
            .env("orders", "MALL_ORDERS_PAYMENTDEADLINE", "4s")
            .env("orders", "MALL_ORDERS_DEADLINESCHEDULE", "@every 200ms")
            .env("stock", "MALL_STOCK_RECONCILESCHEDULE", "@every 500ms");
        RwLock::new(Town::build(builder).await)
    });
    cell.await.read().await
}
