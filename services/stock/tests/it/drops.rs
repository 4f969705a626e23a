//! Drops: nothing before the opening, and no buyer above the limit, whoever asks however often, through whichever instance.

use std::time::Duration;

use chrono::SecondsFormat;
use http::Method;
use mall_clock::{Clock, SystemClock};
use mall_testkit::eventually;
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{Instance, Reply, SOON, Servers, new_product};

const ALICE: i64 = 7;
const BOB: i64 = 8;
const FULL: (u16, &str) = (409, "PURCHASE_LIMIT_EXCEEDED");

/// What MySQL says that the buyer holds of a product with a limit.
async fn taken(servers: &Servers, product: i64, buyer: i64) -> i64 {
    let read = servers.db.read("taken", move |conn| {
        Box::pin(async move {
            let row: Option<(i64,)> =
                sqlx::query_as("SELECT taken FROM allowance WHERE product_id = ? AND buyer = ?")
                    .bind(product)
                    .bind(buyer)
                    .fetch_optional(conn)
                    .await?;
            Ok(row.map_or(0, |(taken,)| taken))
        })
    });
    read.await
        .map_err(|error: mall_db::TxError<()>| error.to_string())
        .unwrap()
}

/// A drop with so many pieces and this limit.
async fn drop_of(app: &Instance, pieces: i64, limit: i64) -> i64 {
    let product = new_product();
    let facts = json!({"available": pieces, "purchaseLimit": limit});
    app.register(product, facts).await.ok();
    product
}

fn count(replies: &[Reply], problem: (u16, &str)) -> usize {
    let same = |reply: &&Reply| reply.problem() == problem;
    replies.iter().filter(same).count()
}

/// All at once, taking turns at the instances.
async fn at_once(instances: &[Instance], product: i64, buyers: &[i64]) -> Vec<Reply> {
    let mut tasks = JoinSet::new();
    for (number, buyer) in buyers.iter().copied().enumerate() {
        let app = instances[number % instances.len()].clone();
        tasks.spawn(async move {
            app.reserve_for(buyer, Uuid::now_v7(), &[(product, 1)])
                .await
        });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buyer_gets_the_limit_and_nobody_else_gets_less_through_two_instances() {
    let servers = Servers::open().await;
    let instances = [servers.instance(), servers.instance()];
    let product = drop_of(&instances[0], 500, 3).await;
    // One greedy buyer among thirty modest ones, in the same batches.
    let buyers: Vec<i64> = (0..90)
        .map(|n| if n % 3 == 0 { 1000 + n } else { ALICE })
        .collect();
    let replies = at_once(&instances, product, &buyers).await;
    assert_eq!(count(&replies, (200, "")), 33);
    assert_eq!(count(&replies, FULL), 57);
    assert_eq!(taken(&servers, product, ALICE).await, 3);
    assert_eq!(taken(&servers, product, 1003).await, 1);
    assert_eq!(servers.audit(product).await.held, 33);
    // What the refused had taken for a moment is back for those who may have it.
    assert_eq!(servers.shown(product).await, Some(467));
    let refused = instances[1]
        .reserve_for(BOB, Uuid::now_v7(), &[(product, 4)])
        .await;
    assert_eq!(refused.problem(), FULL);
    assert_eq!(
        (
            &refused.body["limit"],
            &refused.body["remaining"],
            &refused.body["productId"]
        ),
        (&json!(3), &json!(3), &json!(product))
    );
    assert_eq!(taken(&servers, product, BOB).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allowance_comes_back_once_with_the_pieces() {
    let servers = Servers::open().await;
    let instances = [servers.instance(), servers.instance()];
    let product = drop_of(&instances[0], 10, 2).await;
    let (held, sold) = (Uuid::now_v7(), Uuid::now_v7());
    for id in [held, sold] {
        instances[0]
            .reserve_for(ALICE, id, &[(product, 1)])
            .await
            .ok();
    }
    instances[0].confirm(sold).await.ok();
    let again = instances[1]
        .reserve_for(ALICE, Uuid::now_v7(), &[(product, 1)])
        .await;
    assert_eq!(
        (again.problem(), &again.body["remaining"]),
        (FULL, &json!(0))
    );
    // Many releases of the same one, at once: one place, not two.
    let mut tasks = JoinSet::new();
    for number in 0..10 {
        let app = instances[number % 2].clone();
        tasks.spawn(async move { app.release(held).await.ok() });
    }
    tasks.join_all().await;
    assert_eq!(taken(&servers, product, ALICE).await, 1);
    let replies = at_once(&instances, product, &[ALICE; 8]).await;
    assert_eq!((count(&replies, (200, "")), count(&replies, FULL)), (1, 7));
    // Also what was paid for and comes back.
    instances[0].release(sold).await.ok();
    assert_eq!(taken(&servers, product, ALICE).await, 1);
    // An id that never took anything gives nothing back.
    instances[0].release(Uuid::now_v7()).await.ok();
    assert_eq!(taken(&servers, product, ALICE).await, 1);
    servers.audit(product).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_outlives_redis_and_the_process() {
    let servers = Servers::with_own_redis().await;
    let instances = [servers.instance(), servers.instance()];
    let product = drop_of(&instances[0], 100, 5).await;
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        let app = instances[number % 2].clone();
        tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(number as u64 / 2)).await;
            app.reserve_for(ALICE, Uuid::now_v7(), &[(product, 1)])
                .await
        });
    }
    for _ in 0..3 {
        let _: () = redis::cmd("FLUSHALL")
            .query_async(&mut servers.redis())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let replies = tasks.join_all().await;
    let got = count(&replies, (200, ""));
    assert!(got <= 5, "{got} of 5");
    assert!(
        replies
            .iter()
            .all(|reply| matches!(reply.status.as_u16(), 200 | 409 | 503)),
        "{replies:?}"
    );
    assert_eq!(taken(&servers, product, ALICE).await, got as i64);
    // Processes that have just started know it, too.
    let fresh = [servers.instance(), servers.instance()];
    let replies = at_once(&fresh, product, &[ALICE; 12]).await;
    assert_eq!(count(&replies, (200, "")), 5 - got);
    assert_eq!(count(&replies, FULL), 7 + got);
    assert_eq!(servers.audit(product).await.held, 5);
}

#[tokio::test]
async fn a_repeated_request_of_a_buyer_at_the_limit_is_still_the_same_reservation() {
    let servers = Servers::with_own_redis().await;
    let (app, other) = (servers.instance(), servers.instance());
    let product = drop_of(&app, 10, 1).await;
    let id = Uuid::now_v7();
    app.reserve_for(ALICE, id, &[(product, 1)]).await.ok();
    for _ in 0..2 {
        let again = other.reserve_for(ALICE, id, &[(product, 1)]).await.ok();
        assert_eq!(again["state"], "HELD");
        // The second time Redis has forgotten it.
        let _: () = redis::cmd("FLUSHALL")
            .query_async(&mut servers.redis())
            .await
            .unwrap();
    }
    assert_eq!(taken(&servers, product, ALICE).await, 1);
    assert_eq!(servers.audit(product).await.held, 1);
}

#[tokio::test]
async fn a_cart_with_one_product_over_the_limit_takes_nothing() {
    let servers = Servers::open().await;
    let app = servers.instance();
    let (limited, plain) = (drop_of(&app, 10, 2).await, new_product());
    app.supply(plain, 10).await;
    let id = Uuid::now_v7();
    let lines = [(limited, 2), (plain, 5)];
    app.reserve_for(ALICE, id, &lines).await.ok();
    let refused = app
        .reserve_for(ALICE, Uuid::now_v7(), &[(plain, 1), (limited, 1)])
        .await;
    assert_eq!(
        (refused.problem(), &refused.body["remaining"]),
        (FULL, &json!(0))
    );
    assert_eq!(servers.audit(plain).await.held, 5);
    assert_eq!(
        app.reserve_for(ALICE, id, &lines).await.ok()["state"],
        "HELD"
    );
    app.release(id).await.ok();
    assert_eq!(taken(&servers, limited, ALICE).await, 0);
    assert_eq!(taken(&servers, plain, ALICE).await, 0);
    app.reserve_for(ALICE, Uuid::now_v7(), &lines).await.ok();
    servers.audit(limited).await;
}

#[tokio::test]
async fn a_limit_that_changes_holds_at_once_in_every_instance() {
    let servers = Servers::open().await;
    let (app, other) = (servers.instance(), servers.instance());
    let product = new_product();
    app.supply(product, 20).await;
    let before = Uuid::now_v7();
    let reserve = |app: Instance, id: Uuid, pieces| async move {
        app.reserve_for(ALICE, id, &[(product, pieces)]).await
    };
    // Both have sold it without a limit; what was taken then does not count, nor is it given back to a later limit.
    reserve(app.clone(), before, 3).await.ok();
    reserve(other.clone(), Uuid::now_v7(), 3).await.ok();
    app.register(product, json!({"purchaseLimit": 2}))
        .await
        .ok();
    assert_eq!(
        reserve(other.clone(), Uuid::now_v7(), 3).await.problem(),
        FULL
    );
    reserve(other.clone(), Uuid::now_v7(), 2).await.ok();
    app.release(before).await.ok();
    assert_eq!(taken(&servers, product, ALICE).await, 2);
    assert_eq!(
        reserve(app.clone(), Uuid::now_v7(), 1).await.problem(),
        FULL
    );
    app.register(product, json!({"purchaseLimit": 3}))
        .await
        .ok();
    reserve(other.clone(), Uuid::now_v7(), 1).await.ok();
    app.register(product, json!({})).await.ok();
    reserve(other.clone(), Uuid::now_v7(), 5).await.ok();
    servers.audit(product).await;
    for limit in [0, -1] {
        let refused = app.register(product, json!({"purchaseLimit": limit})).await;
        assert_eq!(refused.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sold_before_the_opening_and_everything_after() {
    let servers = Servers::open().await;
    let instances = [servers.instance(), servers.instance()];
    let product = new_product();
    let later =
        (SystemClock.now() + chrono::Duration::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let facts = json!({"available": 10, "openDateTime": later});
    instances[0].register(product, facts).await.ok();
    let early = at_once(&instances, product, &[ALICE; 10]).await;
    assert_eq!(count(&early, (409, "NOT_YET_OPEN")), 10);
    assert!(
        early
            .iter()
            .all(|reply| reply.body["openDateTime"] == later)
    );
    let plain = new_product();
    instances[0].supply(plain, 5).await;
    let cart = instances[1]
        .reserve(Uuid::now_v7(), &[(plain, 1), (product, 1)])
        .await;
    assert_eq!(cart.problem(), (409, "NOT_YET_OPEN"));
    assert_eq!(servers.audit(plain).await.held, 0);
    assert_eq!(servers.audit(product).await.held, 0);
    // Moved forward: told to one instance, the other finds out by itself.
    let opened = (SystemClock.now() - chrono::Duration::seconds(1)).to_rfc3339();
    let path = format!("/internal/stock/items/{product}");
    let body = json!({"name": "Drop", "adjustmentId": "x", "openDateTime": opened});
    instances[0].call(Method::PUT, &path, Some(body)).await.ok();
    instances[0]
        .reserve(Uuid::now_v7(), &[(product, 1)])
        .await
        .ok();
    eventually(SOON, || async {
        let reply = instances[1].reserve(Uuid::now_v7(), &[(product, 1)]).await;
        if reply.status == 200 {
            Ok(())
        } else {
            Err(reply.body.to_string())
        }
    })
    .await;
    // Moved back: the instance that believes it open is refused by MySQL, and Redis shows what it did before.
    let body = json!({"name": "Drop", "adjustmentId": "x", "openDateTime": later});
    instances[0].call(Method::PUT, &path, Some(body)).await.ok();
    let closed = instances[1].reserve(Uuid::now_v7(), &[(product, 1)]).await;
    assert_eq!(closed.problem(), (409, "NOT_YET_OPEN"));
    assert_eq!(servers.audit(product).await.held, 2);
    assert_eq!(servers.shown(product).await, Some(8));
}
