//! The wall clock of an instance is wrong, or jumps. Nothing of what is sold, and when, may depend on it: a drop opens by MySQL's
//! clock, takes live by Redis', waits by the monotonic one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Duration;
use mall_clock::{Clock, MockClock, SystemClock};
use mall_stock::domain::{Line, Order, Refusal};
use mall_stock::failure::Failure;
use mall_stock::metrics::StockMetrics;
use mall_stock::{SharedStock, Stock};
use mall_stock_api::ReservationState as State;
use mall_telemetry::metrics::Metrics;
use mall_testkit::eventually;
use mall_types::{ProductId, UserId};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{Instance, SOON, Servers, new_product};

/// An instance of its own whose clock is wrong by so much.
fn off(servers: &Servers, app: &Instance, by: Duration) -> (SharedStock, Arc<MockClock>) {
    let clock = MockClock::at(&(SystemClock.now() + by).to_rfc3339());
    let stock = Stock::new(
        servers.db.clone(),
        app.stock.hot.clone(),
        clock.clone(),
        StockMetrics::new(&Metrics::new()),
        SOON,
        8,
    );
    (stock, clock)
}

fn order(buyer: i64, products: &[i64]) -> Order {
    let mut lines: Vec<Line> = products
        .iter()
        .map(|product| Line {
            product_id: ProductId(*product),
            quantity: 1,
        })
        .collect();
    lines.sort_by_key(|line| line.product_id);
    Order {
        id: Uuid::now_v7(),
        buyer: UserId(buyer),
        lines,
    }
}

fn in_(minutes: i64) -> String {
    (SystemClock.now() + Duration::minutes(minutes)).to_rfc3339()
}

/// It says so, too: nobody takes a piece that MySQL would not sell, so nobody else is told that the shelf is empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_whose_clock_is_ahead_opens_nothing_early() {
    let servers = Servers::open().await;
    let (app, product, other) = (servers.instance(), new_product(), new_product());
    app.supply(other, 5).await;
    let facts = json!({"available": 1, "openDateTime": in_(30)});
    app.register(product, facts).await.ok();
    let (ahead, _) = off(&servers, &app, Duration::hours(1));
    let mut crowd = JoinSet::new();
    for number in 0..40 {
        let ahead = ahead.clone();
        let order = match number % 8 {
            0 => order(number, &[product, other]),
            _ => order(number, &[product]),
        };
        crowd.spawn(async move { ahead.reserve(order).await });
    }
    for refused in crowd.join_all().await {
        assert!(
            matches!(refused, Err(Failure::Refused(Refusal::NotYetOpen { .. }))),
            "{refused:?}"
        );
    }
    for (product, there) in [(product, 1), (other, 5)] {
        assert_eq!(servers.audit(product).await.available, there);
        assert_eq!(servers.shown(product).await, Some(there));
    }
}

/// An opening that is moved back is believed as soon as MySQL has said no once.
#[tokio::test]
async fn who_was_refused_by_mysql_takes_nothing_again() {
    let servers = Servers::open().await;
    let (app, other, product) = (servers.instance(), servers.instance(), new_product());
    let facts = json!({"available": 5, "openDateTime": in_(-1)});
    app.register(product, facts).await.ok();
    other.reserve(Uuid::now_v7(), &[(product, 1)]).await.ok();
    app.register(product, json!({"openDateTime": in_(30)}))
        .await
        .ok();
    let closed = (409, "NOT_YET_OPEN");
    let refused = other.reserve(Uuid::now_v7(), &[(product, 1)]).await;
    assert_eq!(refused.problem(), closed);
    // From now on Redis is not asked: a count that is gone is not even missed.
    let keys = ["available", "epoch"].map(|key| format!("{{LOCK:{product}}}:{key}"));
    let _: i64 = redis::AsyncCommands::del(&mut servers.redis(), &keys)
        .await
        .unwrap();
    let refused = other.reserve(Uuid::now_v7(), &[(product, 1)]).await;
    assert_eq!(refused.problem(), closed);
    assert_eq!(servers.shown(product).await, None);
    assert_eq!(servers.audit(product).await.held, 1);
}

#[tokio::test]
async fn an_instance_whose_clock_is_behind_opens_in_time() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    let facts = json!({"available": 5, "openDateTime": in_(-1)});
    app.register(product, facts).await.ok();
    let (behind, _) = off(&servers, &app, Duration::hours(-1));
    let sold = behind.reserve(order(1, &[product])).await;
    assert!(matches!(sold, Ok(State::Held)), "{sold:?}");

    // What it has seen closed opens in time as well.
    let opens = SystemClock.now() + Duration::seconds(2);
    let later = json!({"openDateTime": opens.to_rfc3339()});
    app.register(product, later).await.ok();
    let closed = behind.reserve(order(2, &[product])).await;
    assert!(
        matches!(closed, Err(Failure::Refused(Refusal::NotYetOpen { .. }))),
        "{closed:?}"
    );
    eventually(SOON, || async {
        behind.reserve(order(3, &[product])).await
    })
    .await;
    assert!(SystemClock.now() >= opens);
    assert_eq!(servers.audit(product).await.held, 2);
}

/// Both clocks jump an hour forth and back all the time that a drop with a limit per buyer sells, and its jobs run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_sells_exactly_while_clocks_jump() {
    const PIECES: i64 = 200;
    const BUYERS: i64 = 60;
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    let facts = json!({"available": PIECES, "purchaseLimit": 2, "openDateTime": in_(-1)});
    app.register(product, facts).await.ok();
    let instances = [1, -1].map(|hours| off(&servers, &app, Duration::hours(hours)));
    let over = Arc::new(AtomicBool::new(false));
    let jumping = tokio::spawn({
        let clocks = [instances[0].1.clone(), instances[1].1.clone()];
        let (over, sweeper) = (over.clone(), instances[1].0.clone());
        async move {
            let mut jumps = 0;
            while !over.load(Ordering::SeqCst) {
                for (clock, sign) in clocks.iter().zip([1, -1]) {
                    let forth = if jumps % 2 == 0 { -2 } else { 2 };
                    clock.advance(Duration::hours(sign * forth));
                }
                sweeper.sweep(&[ProductId(product)]).await.unwrap();
                sweeper.rebuild_now(ProductId(product)).await.unwrap();
                jumps += 1;
            }
            jumps
        }
    });
    let mut crowd = JoinSet::new();
    for buyer in 0..BUYERS {
        let [a, b] = [instances[0].0.clone(), instances[1].0.clone()];
        crowd.spawn(async move {
            let (mut got, mut first) = (0, None);
            // Through both, until told that it is enough.
            for (number, stock) in [&a, &b].into_iter().cycle().enumerate() {
                let order = order(buyer, &[product]);
                match stock.reserve(order.clone()).await {
                    Ok(State::Held) => {
                        got += 1;
                        first.get_or_insert(order);
                    }
                    Err(Failure::Refused(Refusal::OverLimit { .. })) => break,
                    // Jobs hold the lock, or a load is under way.
                    Err(Failure::LockTimeout) if number < 100 => {}
                    other => panic!("{other:?}"),
                }
            }
            // Asked again, at the other one: the same reservation, not another one.
            let again = b.reserve(first.unwrap()).await;
            assert!(matches!(again, Ok(State::Held)), "{again:?}");
            got
        });
    }
    let got = crowd.join_all().await;
    over.store(true, Ordering::SeqCst);
    assert!(jumping.await.unwrap() > 1);
    assert_eq!(got, [2; BUYERS as usize]);
    let books = servers.audit(product).await;
    assert_eq!(
        (books.available, books.held),
        (PIECES - 2 * BUYERS, 2 * BUYERS)
    );
}

/// Redis has forgotten who took, and nothing is left: whether a request may be a repetition is not told by this machine's clock.
#[tokio::test]
async fn a_repeated_request_is_recognised_by_an_instance_whose_clock_is_behind() {
    let servers = Servers::with_own_redis().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 1).await;
    let (behind, _) = off(&servers, &app, Duration::hours(-1));
    let first = order(1, &[product]);
    behind.reserve(first.clone()).await.unwrap();
    let _: () = redis::cmd("FLUSHALL")
        .query_async(&mut servers.redis())
        .await
        .unwrap();
    for _ in 0..2 {
        let again = behind.reserve(first.clone()).await;
        assert!(matches!(again, Ok(State::Held)), "{again:?}");
        let other = behind.reserve(order(2, &[product])).await;
        assert!(
            matches!(other, Err(Failure::Refused(Refusal::SoldOut(_)))),
            "{other:?}"
        );
    }
    assert_eq!(servers.audit(product).await.held, 1);
}
