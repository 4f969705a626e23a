//! Redis or MySQL away: a clear 503 within bounds, nothing changed, and all is well when they are back.

use std::time::{Duration, Instant};

use mall_db::Db;
use mall_testkit::eventually;
use mall_types::ProductId;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Instance, SOON, Servers, Tuning, new_product};

/// Nothing listens there.
const NO_REDIS: &str = "redis://127.0.0.1:9/";
const NO_MYSQL: &str = "mysql://root@127.0.0.1:9/none";

#[tokio::test]
async fn without_redis_changes_are_503_and_reading_goes_on() {
    let servers = Servers::open().await;
    let product = new_product();
    servers.instance().supply(product, 10).await;
    let nowhere = redis::Client::open(NO_REDIS).unwrap();
    let app = Instance::over(servers.db.clone(), &nowhere, Tuning::default());
    let began = Instant::now();
    let refused = app.reserve(Uuid::now_v7(), &[(product, 1)]).await;
    assert_eq!(refused.problem(), (503, "STOCK_UNAVAILABLE"));
    assert!(refused.headers.contains_key("retry-after"));
    let refused = app
        .reserve(Uuid::now_v7(), &[(product, 1), (product + 1_000_000, 1)])
        .await;
    assert_eq!(refused.problem(), (503, "STOCK_UNAVAILABLE"));
    let refused = app
        .adjust(
            product,
            json!({"adjustmentId": format!("a{product}"), "set": 3}),
        )
        .await;
    assert_eq!(refused.problem(), (503, "STOCK_UNAVAILABLE"));
    assert_eq!(
        app.detail_stock(product).await.ok()["stock"],
        10,
        "MySQL knows"
    );
    assert!(began.elapsed() < Duration::from_secs(20), "nothing hangs");
    assert_eq!(servers.audit(product).await.available, 10);
}

#[tokio::test]
async fn a_release_without_redis_is_done_and_shows_when_redis_is_asked_again() {
    let servers = Servers::open().await;
    let (app, product, id) = (servers.instance(), new_product(), Uuid::now_v7());
    app.supply(product, 10).await;
    app.reserve(id, &[(product, 4)]).await.ok();
    let nowhere = redis::Client::open(NO_REDIS).unwrap();
    let cut_off = Instance::over(servers.db.clone(), &nowhere, Tuning::default());
    assert_eq!(cut_off.release(id).await.ok()["released"], true);
    let books = servers.books(product).await;
    assert_eq!(
        (books.available, books.held),
        (10, 0),
        "the truth is MySQL's"
    );
    assert_eq!(
        servers.shown(product).await,
        Some(6),
        "Redis shows too few, never too many"
    );
    app.stock.reconcile(|| false).await.unwrap();
    assert_eq!(servers.shown(product).await, Some(10));
}

#[tokio::test]
async fn without_mysql_reserving_is_503_and_the_shelf_stays_full() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 10).await;
    let cut_off = Instance::over(
        Db::connect_url(NO_MYSQL, 2).unwrap(),
        &servers.redis,
        Tuning::default(),
    );
    for _ in 0..3 {
        let refused = cut_off.reserve(Uuid::now_v7(), &[(product, 1)]).await;
        assert_eq!(refused.problem(), (503, "DATABASE_UNAVAILABLE"));
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_eq!(
        cut_off.detail_stock(product).await.ok()["stock"],
        10,
        "Redis knows"
    );
    assert_eq!(cut_off.release(Uuid::now_v7()).await.status, 503);
    assert_eq!(servers.audit(product).await.available, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_killed_and_started_again_sells_on() {
    let servers = Servers::with_own_redis().await;
    let tuning = Tuning {
        pending_age: Duration::from_secs(1),
        ..Tuning::default()
    };
    let (app, product) = (servers.tuned(tuning), new_product());
    app.supply(product, 10).await;
    app.reserve(Uuid::now_v7(), &[(product, 3)]).await.ok();
    let server = servers.own_redis.as_ref().unwrap().0.server().clone();
    let killed = server.clone();
    tokio::task::spawn_blocking(move || killed.kill())
        .await
        .unwrap();
    let refused = app.reserve(Uuid::now_v7(), &[(product, 1)]).await;
    assert_eq!(refused.problem(), (503, "STOCK_UNAVAILABLE"));
    assert_eq!(app.detail_stock(product).await.ok()["stock"], 7);
    tokio::task::spawn_blocking(move || server.start())
        .await
        .unwrap()
        .unwrap();
    eventually(SOON, || async {
        let reply = app.reserve(Uuid::now_v7(), &[(product, 1)]).await;
        if reply.status == 200 {
            Ok(())
        } else {
            Err(reply.body)
        }
    })
    .await;
    // The kill may have cut the word that the first reservation is booked: the sweeper finds its row.
    eventually(SOON, || async {
        app.stock.sweep(&[ProductId(product)]).await.unwrap();
        let pending = servers.pending(product).await;
        if pending.is_empty() {
            Ok(())
        } else {
            Err(pending)
        }
    })
    .await;
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held), (6, 4));
}
