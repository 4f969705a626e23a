//! Batches of one product overlap: the next one is taken while the last one commits. What happens to one leaves the other right, and
//! marks that a take was to carry are not lost with it.

use std::net::SocketAddr;
use std::time::Duration;

use mall_db::Db;
use mall_testkit::{FaultProxy, Weather, eventually};
use mall_types::ProductId;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::support::{Instance, SOON, Servers, Tuning, new_product};

/// Small batches, so that there are many.
const TUNING: Tuning = Tuning {
    wait: Duration::from_millis(300),
    lease: Duration::from_secs(1),
    pending_age: Duration::from_millis(500),
    batch: 8,
};

/// A network between us and the server of this address, and the address with it in the way.
async fn network(url: &str) -> (FaultProxy, String) {
    let (server, rest) = match url.split_once("://") {
        Some((_, rest)) => (rest.split('/').next().unwrap(), rest),
        None => panic!("{url}"),
    };
    let target = server.rsplit('@').next().unwrap();
    let mut addresses = tokio::net::lookup_host(target).await.unwrap();
    let address: SocketAddr = addresses.next().unwrap();
    let network = FaultProxy::start(address).await.unwrap();
    let through = rest.replacen(target, &format!("127.0.0.1:{}", network.port()), 1);
    let scheme = url.split_once("://").unwrap().0;
    (network, format!("{scheme}://{through}"))
}

async fn behind_mysql(servers: &Servers) -> (FaultProxy, Instance) {
    let (network, url) = network(&servers.schema.url).await;
    // Servers that offer TLS by themselves would get it, and the network could not read what is said.
    let db = Db::connect_url(&format!("{url}?useSSL=false"), 16).unwrap();
    (network, Instance::over(db, &servers.redis, TUNING))
}

async fn behind_redis(servers: &Servers) -> (FaultProxy, Instance) {
    let (network, url) = network(&mall_testkit::redis_url().await).await;
    let db = Db::connect_url(&servers.schema.url, 16).unwrap();
    let redis = redis::Client::open(url).unwrap();
    (network, Instance::over(db, &redis, TUNING))
}

/// Buyers of one piece, each of whom asks under the same id until the answer is a definite one.
fn crowd(apps: &[Instance], product: i64, buyers: usize) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for buyer in 0..buyers {
        let (app, id) = (apps[buyer % apps.len()].clone(), Uuid::now_v7());
        tasks.spawn(async move {
            loop {
                let reply = app.reserve(id, &[(product, 1)]).await;
                match reply.status.as_u16() {
                    200 => return,
                    503 => tokio::time::sleep(Duration::from_millis(20)).await,
                    _ => panic!("{reply:?}"),
                }
            }
        });
    }
    tasks
}

async fn hits(network: &FaultProxy, weather: Weather, more: u64) {
    let before = network.hits();
    network.set(weather);
    eventually(SOON, || async {
        match network.hits() - before {
            hits if hits >= more => Ok(()),
            hits => Err(format!("{hits} hits")),
        }
    })
    .await;
    network.set(Weather::Fine);
}

/// The job of each instance, for as long as this lives.
struct Sweeping(JoinHandle<()>);

impl Sweeping {
    fn of(app: &Instance, product: i64) -> Sweeping {
        let stock = app.stock.clone();
        Sweeping(tokio::spawn(async move {
            loop {
                let _ = stock.sweep(&[ProductId(product)]).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }))
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Everybody has one piece, and the rest can be bought to the last one.
async fn ends_exact(servers: &Servers, app: &Instance, product: i64, sold: i64, left: i64) {
    let books = servers.audit(product).await;
    assert_eq!((books.held, books.available), (sold, left));
    app.reserve(Uuid::now_v7(), &[(product, left)]).await.ok();
    let reply = app.reserve(Uuid::now_v7(), &[(product, 1)]).await;
    assert_eq!(reply.problem(), (409, "SOLD_OUT"));
    assert_eq!(servers.audit(product).await.held, sold + left);
}

async fn commits_fail(weather: Weather) {
    let servers = Servers::open().await;
    let (network, app) = behind_mysql(&servers).await;
    let product = new_product();
    app.supply(product, 400).await;
    let buyers = crowd(std::slice::from_ref(&app), product, 300);
    hits(&network, weather, 6).await;
    buyers.join_all().await;
    // Takes whose commit was of unknown outcome stay pending until they are old.
    let _sweeping = Sweeping::of(&app, product);
    ends_exact(&servers, &app, product, 300, 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_taken_while_the_commit_of_the_last_one_is_cut_off() {
    commits_fail(Weather::ResetBefore(b"COMMIT")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_taken_while_the_answer_to_the_last_ones_commit_is_lost() {
    commits_fail(Weather::LoseAnswerTo(b"COMMIT")).await;
}

/// The lock is somebody else's now and then: takes that were to carry marks come to nothing, and nobody sweeps here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_that_a_take_without_the_lock_was_to_carry_are_told_all_the_same() {
    let servers = Servers::open().await;
    let (app, product) = (servers.tuned(TUNING), new_product());
    app.supply(product, 400).await;
    let buyers = crowd(std::slice::from_ref(&app), product, 300);
    let lock = format!("LOCK:{product}");
    for _ in 0..3 {
        let java = app
            .locks
            .acquire(&lock, SOON, Duration::from_secs(30))
            .await
            .unwrap();
        // Longer than anybody waits for it.
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(java.release().await.unwrap());
    }
    buyers.join_all().await;
    ends_exact(&servers, &app, product, 300, 100).await;
}

/// The take itself, or its answer, is what gets lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_that_are_lost_with_a_take_are_settled_by_the_sweeper() {
    for weather in [
        Weather::ResetBefore(b"EVALSHA"),
        Weather::LoseAnswerTo(b"EVALSHA"),
    ] {
        let servers = Servers::open().await;
        let (network, app) = behind_redis(&servers).await;
        let product = new_product();
        app.supply(product, 400).await;
        let buyers = crowd(std::slice::from_ref(&app), product, 300);
        hits(&network, weather, 3).await;
        buyers.join_all().await;
        let _sweeping = Sweeping::of(&app, product);
        ends_exact(&servers, &app, product, 300, 100).await;
    }
}

/// The same id at both instances in the same moment, again and again, also when Redis has just forgotten all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_at_two_instances_take_once() {
    let servers = Servers::open().await;
    let apps = [servers.tuned(TUNING), servers.tuned(TUNING)];
    let product = new_product();
    apps[0].supply(product, 1_000).await;
    for round in 0..60 {
        if round % 3 == 0 {
            let _: () = redis::cmd("DEL")
                .arg(format!("{{LOCK:{product}}}:available"))
                .query_async(&mut servers.redis())
                .await
                .unwrap();
        }
        let id = Uuid::now_v7();
        let lines = [(product, 2)];
        let (one, two) = tokio::join!(apps[0].reserve(id, &lines), apps[1].reserve(id, &lines));
        assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    }
    let _sweeping = Sweeping::of(&apps[0], product);
    ends_exact(&servers, &apps[1], product, 120, 880).await;
}

/// Three sweepers and two reconciliations beside a sale: none of them puts back what another did, or what is on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_on_every_instance_beside_a_sale_change_nothing() {
    let servers = Servers::open().await;
    let apps = [
        servers.tuned(TUNING),
        servers.tuned(TUNING),
        servers.tuned(TUNING),
    ];
    let product = new_product();
    apps[0].supply(product, 400).await;
    // What processes left that died between take and commit: old at once.
    let age = Duration::from_millis(1);
    for _ in 0..20 {
        let lost = [(Uuid::now_v7(), 1)];
        let (of, nonce) = (ProductId(product), Uuid::new_v4());
        let take = apps[0].stock.hot.take(of, nonce, age, SOON, &[], &lost);
        take.await.unwrap();
    }
    let buyers = crowd(&apps, product, 300);
    let sweeping: Vec<Sweeping> = apps.iter().map(|app| Sweeping::of(app, product)).collect();
    for _ in 0..5 {
        let (one, two) = tokio::join!(
            apps[0].stock.reconcile(|| false),
            apps[1].stock.reconcile(|| false)
        );
        one.unwrap();
        two.unwrap();
    }
    buyers.join_all().await;
    ends_exact(&servers, &apps[0], product, 300, 100).await;
    drop(sweeping);
}
