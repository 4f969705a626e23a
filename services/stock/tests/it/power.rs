//! The power goes. A killed server loses nothing, because what it wrote is the kernel's by then; a power cut takes everything that was not
//! forced to the disk. So these tests put MariaDB on a file system of its own and cut that off (`xfs_io shutdown` drops what was not
//! synced), which needs root and a loop device: `tests/power-cut.sh` runs them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mall_db::Db;
use mall_stock::MIGRATIONS;
use mall_testkit::Scratch;
use mall_testkit::mariadb::{MariaDb, MariaDbSettings, READY};
use sqlx::{Connection, MySqlConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{Instance, Tuning, new_product};

const CALLERS: usize = 32;
const PIECES: i64 = 1_000_000;
/// Enough that something is always on its way.
const ENOUGH: usize = 500;
/// How long that may take: it takes well under a second.
const PATIENCE: Duration = Duration::from_secs(30);

fn run(program: &str, args: &[&Path]) {
    let done = Command::new(program).args(args).output().unwrap();
    assert!(
        done.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A disk whose power can be cut.
struct Disk {
    image: PathBuf,
    mount: PathBuf,
    _scratch: Scratch,
}

impl Disk {
    fn new() -> Disk {
        let scratch = Scratch::new("disk").unwrap();
        let disk = Disk {
            image: scratch.path().join("image"),
            mount: scratch.path().join("m"),
            _scratch: scratch,
        };
        let file = std::fs::File::create(&disk.image).unwrap();
        file.set_len(700 << 20).unwrap();
        std::fs::create_dir(&disk.mount).unwrap();
        run("mkfs.xfs", &[Path::new("-q"), &disk.image]);
        disk.connect();
        disk
    }

    fn connect(&self) {
        run("mount", &[Path::new("-oloop"), &self.image, &self.mount]);
    }

    /// Nothing that was not synced is there afterwards, and nothing can be written any more.
    fn cut(&self) {
        let shutdown = [Path::new("-x"), Path::new("-cshutdown"), &self.mount];
        run("xfs_io", &shutdown);
    }

    fn disconnect(&self) {
        run("umount", &[&self.mount]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.mount).output();
    }
}

/// Sells through one instance until the power goes. How many acknowledged reservations there were, and how many of them are gone.
async fn lost(disk: &Disk, flush: u8) -> (usize, usize) {
    let mut settings = MariaDbSettings::new(&disk.mount);
    settings.args = vec![format!("--innodb-flush-log-at-trx-commit={flush}")];
    let mariadb = tokio::task::spawn_blocking(move || MariaDb::start_with(&settings).unwrap())
        .await
        .unwrap();
    let root = mariadb.url_root();
    let mut owner = MySqlConnection::connect(&root).await.unwrap();
    sqlx::raw_sql("CREATE DATABASE power CHARACTER SET utf8mb4")
        .execute(&mut owner)
        .await
        .unwrap();
    let url = format!("{root}/power");
    let db = Db::connect_url(&url, 16).unwrap();
    db.migrate(MIGRATIONS).await.unwrap();
    let redis = redis::Client::open(mall_testkit::redis_url().await).unwrap();
    let app = Instance::over(db, &redis, Tuning::default());
    let product = new_product();
    app.supply(product, PIECES).await;
    // Whatever was there before the sale is not what this is about.
    sqlx::raw_sql("FLUSH TABLES; FLUSH LOGS")
        .execute(&mut owner)
        .await
        .unwrap();

    let over = Arc::new(AtomicBool::new(false));
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let refused = Arc::new(std::sync::Mutex::new(None));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (app, over) = (app.clone(), Arc::clone(&over));
        let (told, refused) = (Arc::clone(&told), Arc::clone(&refused));
        callers.spawn(async move {
            while !over.load(Ordering::SeqCst) {
                let id = Uuid::now_v7();
                let reply = app.reserve(id, &[(product, 1)]).await;
                if reply.status.is_success() {
                    told.lock().unwrap().push(id);
                } else {
                    assert_eq!(reply.status.as_u16(), 503, "{reply:?}");
                    *refused.lock().unwrap() = Some(reply);
                }
            }
        });
    }
    let begun = Instant::now();
    loop {
        let sold = told.lock().unwrap().len();
        if sold >= ENOUGH {
            break;
        }
        // A shop that sells nothing says so, by its last answer.
        assert!(
            begun.elapsed() < PATIENCE,
            "{sold} of {ENOUGH} sold in {PATIENCE:?}; refused last: {:?}",
            refused.lock().unwrap()
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    disk.cut();
    over.store(true, Ordering::SeqCst);
    mariadb.server().kill();
    callers.join_all().await;
    disk.disconnect();
    disk.connect();

    let server = Arc::clone(mariadb.server());
    tokio::task::spawn_blocking(move || {
        server.start().unwrap();
        server.wait_ready(READY, &|| false).unwrap();
    })
    .await
    .unwrap();
    let mut books = MySqlConnection::connect(&url).await.unwrap();
    let mut gone = 0;
    let told = std::mem::take(&mut *told.lock().unwrap());
    for id in &told {
        let row: Option<(i64,)> =
            sqlx::query_as("SELECT quantity FROM reservation WHERE reservation_id = ?")
                .bind(id)
                .fetch_optional(&mut books)
                .await
                .unwrap();
        gone += usize::from(row.is_none());
    }
    // Whatever is left belongs together.
    let (supplied, available, held, rows): (i64, i64, i64, i64) = sqlx::query_as(
        "SELECT supplied, available, held, (SELECT CAST(COALESCE(SUM(quantity), 0) AS SIGNED) FROM reservation) \
         FROM stock_item WHERE product_id = ?",
    )
    .bind(product)
    .fetch_one(&mut books)
    .await
    .unwrap();
    assert_eq!((supplied, available), (PIECES, PIECES - held));
    assert_eq!(held, rows);
    drop(books);
    tokio::task::spawn_blocking(move || mariadb.stop())
        .await
        .unwrap();
    (told.len(), gone)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_a_power_cut() {
    let disk = Disk::new();
    let (told, gone) = lost(&disk, 1).await;
    eprintln!("{told} acknowledged, {gone} gone");
    assert_eq!(gone, 0, "of {told} acknowledged");
}
