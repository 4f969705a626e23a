//! The lock, and why it is not enough: a stale holder changes nothing.

use std::time::{Duration, Instant};

use mall_types::ProductId;
use redis::Script;
use uuid::Uuid;

use crate::support::{Servers, Tuning, new_product};

#[tokio::test]
async fn a_holder_that_was_paused_past_its_lease_changes_nothing() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 10).await;
    let lock = format!("LOCK:{product}");
    // This holder stops here for longer than its lease ...
    let stale = app
        .locks
        .acquire(&lock, Duration::ZERO, Duration::from_millis(50))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(120)).await;
    // ... while others sell ...
    app.reserve(Uuid::now_v7(), &[(product, 4)]).await.ok();
    // ... and comes back with what it knew.
    let id = ProductId(product);
    assert!(
        !app.stock.hot.load(id, &stale, "Mug", 10).await.unwrap(),
        "a stale load"
    );
    assert!(
        !app.stock.hot.unload(id, &stale).await.unwrap(),
        "a stale unload"
    );
    let keys =
        ["available", "pending", "takes", "loaded"].map(|key| format!("{{LOCK:{product}}}:{key}"));
    let take = Script::new(include_str!("../../src/hot/take.lua"));
    let mut call = take.key(&lock);
    let answer: Vec<String> = call
        .key(&keys[..])
        .arg(stale.holder())
        .arg(30_000)
        .arg(Uuid::new_v4().to_string())
        .arg(0)
        .arg(Uuid::now_v7().to_string())
        .arg(1)
        .invoke_async(&mut servers.redis())
        .await
        .unwrap();
    assert_eq!(answer, ["LOST_LOCK"]);
    assert_eq!(servers.shown(product).await, Some(6));
    assert!(
        !stale.release().await.unwrap(),
        "and it learns that it lost the lock"
    );
    servers.audit(product).await;
}

#[tokio::test]
async fn a_java_holder_excludes_us_and_wakes_us() {
    let servers = Servers::open().await;
    let tuning = Tuning {
        wait: Duration::from_secs(20),
        ..Tuning::default()
    };
    let (app, product) = (servers.tuned(tuning), new_product());
    app.supply(product, 10).await;
    let (lock, java) = (format!("LOCK:{product}"), format!("{}:53", Uuid::new_v4()));
    let _: i64 = redis::cmd("HINCRBY")
        .arg(&lock)
        .arg(&java)
        .arg(1)
        .query_async(&mut servers.redis())
        .await
        .unwrap();
    let buyer = tokio::spawn({
        let app = app.clone();
        async move { app.reserve(Uuid::now_v7(), &[(product, 1)]).await }
    });
    mall_testkit::eventually(Duration::from_secs(5), || async {
        let (_, waiting): (String, i64) = redis::cmd("PUBSUB")
            .arg("NUMSUB")
            .arg(format!("redisson_lock__channel:{{{lock}}}"))
            .query_async(&mut servers.redis())
            .await
            .unwrap();
        if waiting == 1 { Ok(()) } else { Err(waiting) }
    })
    .await;
    assert_eq!(
        servers.shown(product).await,
        Some(10),
        "nothing changes while the lock is held"
    );
    let released = Instant::now();
    let _: () = redis::pipe()
        .atomic()
        .del(&lock)
        .publish(format!("redisson_lock__channel:{{{lock}}}"), "0")
        .query_async(&mut servers.redis())
        .await
        .unwrap();
    buyer.await.unwrap().ok();
    assert!(
        released.elapsed() < Duration::from_secs(5),
        "woken, not timed out"
    );
    assert_eq!(servers.audit(product).await.available, 9);
}

#[tokio::test]
async fn a_lock_that_is_not_to_be_had_is_503_and_changes_nothing() {
    let servers = Servers::open().await;
    let tuning = Tuning {
        wait: Duration::from_millis(300),
        ..Tuning::default()
    };
    let (app, product, other) = (servers.tuned(tuning), new_product(), new_product());
    app.supply(product, 10).await;
    app.supply(other, 10).await;
    let held = app
        .locks
        .acquire(
            &format!("LOCK:{product}"),
            Duration::ZERO,
            Duration::from_secs(30),
        )
        .await
        .unwrap();
    for lines in [vec![(product, 1)], vec![(other, 1), (product, 1)]] {
        let id = Uuid::now_v7();
        let refused = app.reserve(id, &lines).await;
        assert_eq!(refused.problem(), (503, "LOCK_TIMEOUT"));
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_eq!(servers.shown(product).await, Some(10));
    assert_eq!(
        app.detail_stock(product).await.ok()["stock"],
        10,
        "reading needs no lock"
    );
    held.release().await.unwrap();
    for product in [product, other] {
        assert_eq!(servers.audit(product).await.available, 10);
    }
}

#[tokio::test]
async fn sold_out_neither_takes_the_lock_nor_waits_for_it() {
    let servers = Servers::open().await;
    let tuning = Tuning {
        wait: Duration::from_secs(20),
        ..Tuning::default()
    };
    let (app, product, id) = (servers.tuned(tuning), new_product(), Uuid::now_v7());
    app.supply(product, 1).await;
    app.reserve(id, &[(product, 1)]).await.ok();
    let held = app
        .locks
        .acquire(
            &format!("LOCK:{product}"),
            Duration::ZERO,
            Duration::from_secs(60),
        )
        .await
        .unwrap();
    let began = Instant::now();
    for _ in 0..20 {
        assert_eq!(
            app.reserve(Uuid::now_v7(), &[(product, 1)]).await.problem(),
            (409, "SOLD_OUT")
        );
    }
    assert_eq!(
        app.reserve(id, &[(product, 1)]).await.ok()["state"],
        "HELD",
        "whoever has it is told so"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
    held.release().await.unwrap();
    servers.audit(product).await;
}
