//! Paying and the payment deadline at the same time, with a crash, or a pause, of the one at each step while the other goes on.
//! It ends in exactly one of paid, or cancelled with nothing charged.

use http::Method;
use mall_fault_points::Script;
use mall_orders::{DEADLINE, SETTLE};
use mall_types::Role;
use serde_json::json;

use crate::support::{ALICE, MUG, World};

/// Every boundary between two effects of paying, in order. What comes after `settle.written` is the outbox's.
const OF_PAYING: [&str; 7] = [
    "pay.loaded",
    "pay.marked",
    "settle.asked",
    "settle.written",
    "outbox.leased",
    "outbox.delivered",
    "outbox.settled",
];

/// Those of the deadline.
const OF_THE_DEADLINE: [&str; 4] = [
    "advance.moved",
    "outbox.leased",
    "outbox.delivered",
    "outbox.settled",
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    /// It never goes on.
    Dies,
    /// It goes on when the other is through.
    GoesOn,
}

fn pays(order: i64) -> (Method, String, serde_json::Value) {
    let body = json!({"isCanceled": false, "isLimitExcess": false});
    (Method::PUT, format!("/order/payOrder/{order}"), body)
}

/// All that heals: leases end, jobs run, the outbox empties.
async fn heal(world: &World) {
    for _ in 0..2 {
        world.pass(60);
        world.run(SETTLE).await;
        world.run(DEADLINE).await;
        world.quiet().await;
    }
}

/// Exactly one of both; whether it is paid.
async fn verdict(world: &World, order: i64, what: &str) -> bool {
    world.stock.assert_released_once();
    let causes = world.causes(order).await;
    let (taken, pieces) = (world.payments.taken(), world.stock.pieces(MUG));
    match world.status(order).await.as_str() {
        "ORDER_COMPLETE" => {
            assert_eq!(causes, ["PLACED", "PAID"], "{what}");
            assert_eq!((taken, pieces), (vec![order], (8, 0, 2)), "{what}");
            true
        }
        "ORDER_CANCEL" => {
            assert_eq!(causes, ["PLACED", "PAYMENT_DEADLINE"], "{what}");
            assert_eq!((taken, pieces), (vec![], (10, 0, 0)), "{what}");
            false
        }
        other => panic!("{what}: the order is {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_is_first_and_dies_or_waits_at_each_step() {
    for then in [Then::Dies, Then::GoesOn] {
        for point in OF_PAYING {
            let what = format!("paying {then:?} at {point}");
            let world = World::new().await;
            let order = world.placed().await;
            world.pass(600);
            let script = Script::new();
            match then {
                Then::Dies => script.crash_at(point),
                Then::GoesOn => script.hold_at(point),
            }
            let replica = world.scripted(&script);
            let (method, path, body) = pays(order);
            let paying = tokio::spawn(async move {
                let alice = (ALICE, Role::User);
                replica.call(alice, method, &path, None, Some(body)).await
            });
            script.until_reached(point).await;
            // The deadline has come: another instance cancels, and its relay delivers.
            world.run(DEADLINE).await;
            while world.orders.relay().drain_once().await.unwrap() > 0 {}
            if then == Then::GoesOn {
                script.let_go(point);
                let answer = paying.await.unwrap();
                let paid = answer.status == 200;
                assert!(
                    paid || answer.code() == (406, "ORDER_NOT_PAYABLE"),
                    "{what}: {answer:?}"
                );
                assert_eq!(
                    paid,
                    verdict_after_healing(&world, order, &what).await,
                    "{what}"
                );
            } else {
                paying.abort();
                verdict_after_healing(&world, order, &what).await;
            }
            // Who came before the mark has lost, who set it has won.
            let paid = world.status(order).await == "ORDER_COMPLETE";
            assert_eq!(paid, point != "pay.loaded", "{what}");
        }
    }
}

async fn verdict_after_healing(world: &World, order: i64, what: &str) -> bool {
    heal(world).await;
    verdict(world, order, what).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_is_first_and_dies_or_waits_at_each_step() {
    for then in [Then::Dies, Then::GoesOn] {
        for point in OF_THE_DEADLINE {
            let what = format!("the deadline {then:?} at {point}");
            let world = World::new().await;
            let order = world.placed().await;
            world.pass(600);
            let script = Script::new();
            match then {
                Then::Dies => script.crash_at(point),
                Then::GoesOn => script.hold_at(point),
            }
            let replica = world.scripted(&script);
            let expiring = tokio::spawn(async move {
                replica.jobs.run_now(DEADLINE).await.unwrap();
                replica.orders.relay().drain_once().await.unwrap();
            });
            script.until_reached(point).await;
            let answer = world.pay(ALICE, order).await;
            assert_eq!(answer.code(), (406, "ORDER_NOT_PAYABLE"), "{what}");
            if then == Then::GoesOn {
                script.let_go(point);
                expiring.await.unwrap();
            } else {
                expiring.abort();
            }
            assert!(!verdict_after_healing(&world, order, &what).await, "{what}");
        }
    }
}

/// The deadline looks, and a payment is marked before it writes: the row is locked by the one or the other.
#[tokio::test(flavor = "multi_thread")]
async fn neither_is_first() {
    let mut outcomes = [0, 0];
    for round in 0..12 {
        let world = World::new().await;
        let order = world.placed().await;
        world.pass(600);
        let script = Script::new();
        script.hold_at("pay.loaded");
        let replica = world.scripted(&script);
        let (method, path, body) = pays(order);
        let paying = tokio::spawn(async move {
            let alice = (ALICE, Role::User);
            replica.call(alice, method, &path, None, Some(body)).await
        });
        script.until_reached("pay.loaded").await;
        let deadline = async {
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            world.run(DEADLINE).await;
        };
        let go = async {
            script.let_go("pay.loaded");
            paying.await.unwrap()
        };
        let ((), answer) = tokio::join!(deadline, go);
        let paid = verdict_after_healing(&world, order, "at once").await;
        assert_eq!(paid, answer.status == 200, "{answer:?}");
        outcomes[usize::from(paid)] += 1;
    }
    assert_eq!(outcomes.iter().sum::<i32>(), 12);
}
