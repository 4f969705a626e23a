//! Sold out: refused without asking anybody, and never for longer than it is true.

use std::time::Duration;

use mall_stock::app::marks::{listen, listen_pinging};
use mall_testkit::eventually;
use redis::AsyncCommands;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use crate::support::{Instance, SOON, Servers, new_product};

/// Marks last so long that whatever ends them in a test is not their age.
const LONG: Duration = Duration::from_secs(3600);

/// An instance that hears of the others, from when this returns.
async fn hearing(servers: &Servers) -> (Instance, AbortOnDropHandle<()>) {
    let app = servers.instance();
    app.stock.marks.believe_for(LONG);
    let before = subscribers(servers).await;
    let listener = listen(
        app.stock.clone(),
        servers.redis.clone(),
        CancellationToken::new(),
    );
    let listener = AbortOnDropHandle::new(tokio::spawn(listener));
    eventually(SOON, || async {
        let now = subscribers(servers).await;
        if now > before { Ok(()) } else { Err(now) }
    })
    .await;
    (app, listener)
}

async fn subscribers(servers: &Servers) -> i64 {
    let (_, number): (String, i64) = redis::cmd("PUBSUB")
        .arg("NUMSUB")
        .arg("mall:stock:back")
        .query_async(&mut servers.redis())
        .await
        .unwrap();
    number
}

/// How many requests this instance has refused by a mark.
fn marked(app: &Instance) -> u64 {
    let text = app.metrics.render(false, &[]);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("mall_stock_marked_total "));
    line.map_or(0, |number| number.trim().parse::<f64>().unwrap() as u64)
}

/// An id that was made later than every mark so far.
async fn late_id() -> Uuid {
    tokio::time::sleep(Duration::from_millis(2)).await;
    Uuid::now_v7()
}

/// Asks until a mark says no.
async fn until_marked(app: &Instance, product: i64) {
    let before = marked(app);
    eventually(SOON, || async {
        let refused = app.reserve(late_id().await, &[(product, 1)]).await;
        assert_eq!(refused.problem(), (409, "SOLD_OUT"));
        if marked(app) > before {
            Ok(())
        } else {
            Err(())
        }
    })
    .await;
}

/// Asks until somebody has a piece.
async fn until_sold(app: &Instance, product: i64) {
    eventually(SOON, || async {
        let reply = app.reserve(late_id().await, &[(product, 1)]).await;
        if reply.status.is_success() {
            Ok(())
        } else {
            Err(reply)
        }
    })
    .await;
}

#[tokio::test]
async fn a_refusal_asks_neither_mysql_nor_redis_nor_the_lock() {
    let servers = Servers::with_own_redis().await;
    let (app, product, id) = (servers.instance(), new_product(), Uuid::now_v7());
    app.stock.marks.believe_for(LONG);
    let facts = json!({"available": 1, "purchaseLimit": 1, "openDateTime": "2020-01-01T00:00:00Z"});
    app.register(product, facts).await.ok();
    app.reserve(id, &[(product, 1)]).await.ok();
    until_marked(&app, product).await;
    // Whoever has it is told so, mark or not.
    assert_eq!(app.reserve(id, &[(product, 1)]).await.ok()["state"], "HELD");
    // Neither MySQL nor Redis, and with it the lock, can be asked any more.
    app.stock.db.close().await;
    servers.own_redis.as_ref().unwrap().0.stop();
    let before = marked(&app);
    for buyer in 0..20 {
        let id = late_id().await;
        let refused = app.reserve_for(buyer, id, &[(product, 1)]).await;
        assert_eq!(refused.problem(), (409, "SOLD_OUT"));
    }
    assert_eq!(marked(&app), before + 20);
}

#[tokio::test]
async fn without_a_mark_a_refusal_and_a_read_ask_redis_alone_and_take_no_lock() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    let facts = json!({"available": 1, "purchaseLimit": 1, "openDateTime": "2020-01-01T00:00:00Z"});
    app.register(product, facts).await.ok();
    app.reserve(Uuid::now_v7(), &[(product, 1)]).await.ok();
    // As long after the load of the count.
    let _: () = servers
        .redis()
        .set(format!("{{LOCK:{product}}}:loaded"), 1)
        .await
        .unwrap();
    let name = format!("LOCK:{product}");
    let lock = app
        .locks
        .acquire(&name, Duration::ZERO, Duration::from_secs(60));
    let held = lock.await.unwrap();
    app.stock.db.close().await;
    for buyer in 0..20 {
        let id = Uuid::now_v7();
        let refused = app.reserve_for(buyer, id, &[(product, 1)]).await;
        assert_eq!(refused.problem(), (409, "SOLD_OUT"));
    }
    assert_eq!(app.detail_stock(product).await.ok()["stock"], 0);
    assert_eq!(marked(&app), 0);
    held.release().await.unwrap();
}

#[tokio::test]
async fn a_mark_ends_when_pieces_come_back_at_the_other_instance() {
    let servers = Servers::open().await;
    let ((a, _hears), b) = (hearing(&servers).await, servers.instance());
    let (product, id) = (new_product(), Uuid::now_v7());
    a.supply(product, 1).await;
    a.reserve(id, &[(product, 1)]).await.ok();
    until_marked(&a, product).await;
    // A cancelled order,
    b.release(id).await.ok();
    until_sold(&a, product).await;
    until_marked(&a, product).await;
    // and a delivery.
    let more = json!({"adjustmentId": "more", "change": 1});
    b.adjust(product, more).await.ok();
    until_sold(&a, product).await;
    until_marked(&a, product).await;
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held), (0, 2));
}

#[tokio::test]
async fn a_mark_ends_at_once_where_pieces_come_back() {
    let servers = Servers::open().await;
    let (app, product, id) = (servers.instance(), new_product(), Uuid::now_v7());
    app.stock.marks.believe_for(LONG);
    app.supply(product, 1).await;
    app.reserve(id, &[(product, 1)]).await.ok();
    until_marked(&app, product).await;
    app.release(id).await.ok();
    // Nobody is asked twice.
    app.reserve(late_id().await, &[(product, 1)]).await.ok();
    until_marked(&app, product).await;
    servers.audit(product).await;
}

#[tokio::test]
async fn a_mark_ends_when_the_connection_that_would_say_so_comes_back() {
    let servers = Servers::with_own_redis().await;
    let ((a, _hears), b) = (hearing(&servers).await, servers.instance());
    let (product, id) = (new_product(), Uuid::now_v7());
    a.supply(product, 1).await;
    a.reserve(id, &[(product, 1)]).await.ok();
    until_marked(&a, product).await;
    // Nobody hears of this: the channel does not reach them, and what was in Redis is gone as well.
    let server = servers.own_redis.as_ref().unwrap().0.server().clone();
    let killed = server.clone();
    tokio::task::spawn_blocking(move || killed.kill())
        .await
        .unwrap();
    b.release(id).await.ok();
    tokio::task::spawn_blocking(move || server.start())
        .await
        .unwrap()
        .unwrap();
    until_sold(&a, product).await;
    eventually(SOON, || async {
        redis::cmd("PING")
            .query_async::<String>(&mut servers.redis())
            .await
    })
    .await;
    eventually(SOON, || async {
        let refused = a.reserve(late_id().await, &[(product, 1)]).await;
        let problem = refused.problem();
        if problem == (409, "SOLD_OUT") {
            Ok(())
        } else {
            Err(format!("{problem:?}"))
        }
    })
    .await;
    assert_eq!(servers.audit(product).await.held, 1);
}

#[tokio::test]
async fn a_message_that_is_lost_costs_no_more_than_the_marks_age() {
    let servers = Servers::open().await;
    // Nobody listens here at all.
    let (a, b) = (servers.instance(), servers.instance());
    a.stock.marks.believe_for(Duration::from_millis(100));
    let (product, id) = (new_product(), Uuid::now_v7());
    a.supply(product, 1).await;
    a.reserve(id, &[(product, 1)]).await.ok();
    until_marked(&a, product).await;
    b.release(id).await.ok();
    until_sold(&a, product).await;
    // Redis emptied: the count is loaded, and nothing is sold that is not there.
    let _: () = servers
        .redis()
        .del(format!("{{LOCK:{product}}}:available"))
        .await
        .unwrap();
    until_marked(&a, product).await;
    assert_eq!(servers.audit(product).await.held, 1);
}

/// Whoever listens asks now and then whether the connection still lives; the answer must not be taken for the loss of it.
#[tokio::test]
async fn a_subscription_lives_through_many_pings() {
    let servers = Servers::with_own_redis().await;
    let app = servers.instance();
    let often = Duration::from_millis(20);
    let listener = listen_pinging(
        app.stock.clone(),
        servers.redis.clone(),
        CancellationToken::new(),
        often,
    );
    let _hears = AbortOnDropHandle::new(tokio::spawn(listener));
    eventually(SOON, || async {
        let pings = calls(&servers, "ping").await;
        if pings >= 20 { Ok(()) } else { Err(pings) }
    })
    .await;
    assert_eq!(calls(&servers, "subscribe").await, 1, "subscribed once");
    let list: String = redis::cmd("CLIENT")
        .arg(&["LIST", "TYPE", "pubsub"])
        .query_async(&mut servers.redis())
        .await
        .unwrap();
    assert_eq!(list.lines().count(), 1, "{list}");
}

/// How often this Redis was told a command.
async fn calls(servers: &Servers, command: &str) -> u64 {
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut servers.redis())
        .await
        .unwrap();
    let line = format!("cmdstat_{command}:calls=");
    stats
        .lines()
        .find_map(|found| found.strip_prefix(&*line)?.split(',').next()?.parse().ok())
        .unwrap_or(0)
}
