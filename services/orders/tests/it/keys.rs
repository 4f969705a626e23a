//! A request dies at each of its steps, and comes again under its Idempotency-Key: it is answered as if it had not died, and
//! has done what it does once.

use http::Method;
use mall_fault_points::Script;
use mall_orders::ADVANCE;
use mall_types::Role;
use serde_json::{Value, json};

use crate::fakes::Fault;
use crate::replica::ADMIN;
use crate::support::{ALICE, Answered, MUG, World};

/// Sends it to an instance that dies at the point, then to one that lives.
async fn twice(
    world: &World,
    point: &'static str,
    by: (i64, Role),
    path: &str,
    body: Option<Value>,
) -> Answered {
    let method = if path.starts_with("/admin") {
        Method::POST
    } else {
        Method::PUT
    };
    let script = Script::new();
    script.crash_at(point);
    let dying = world.scripted(&script);
    let first = tokio::spawn({
        let (method, path, body) = (method.clone(), path.to_owned(), body.clone());
        async move { dying.call(by, method, &path, Some("key-1"), body).await }
    });
    script.until_reached(point).await;
    first.abort();
    let living = world.twin();
    let again = |key| living.call(by, method.clone(), path, Some(key), body.clone());
    // Its lease keeps twins out for a while.
    let twin = again("key-1").await;
    assert_eq!(twin.status, 409, "{point}: {twin:?}");
    // Dead in this test's way, it may still renew its lease now and then.
    let mut answer = twin;
    while answer.code() == (409, "REQUEST_IN_PROGRESS") {
        world.pass(120);
        answer = again("key-1").await;
    }
    // Whoever comes later still gets the same.
    let replayed = again("key-1").await;
    assert_eq!(
        (replayed.status, &replayed.body),
        (answer.status, &answer.body),
        "{point}"
    );
    if answer.status < 300 {
        assert_eq!(again("key-2").await.status, 406, "another request: {point}");
    }
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn paying() {
    for point in ["pay.loaded", "pay.marked", "settle.asked", "settle.written"] {
        for (excess, status, causes) in [
            (false, 200, ["PLACED", "PAID"]),
            (true, 409, ["PLACED", "PAYMENT_DECLINED"]),
        ] {
            let world = World::new().await;
            let order = world.placed().await;
            let body = json!({"isCanceled": false, "isLimitExcess": excess});
            let path = format!("/order/payOrder/{order}");
            let answer = twice(&world, point, (ALICE, Role::User), &path, Some(body)).await;
            assert_eq!(answer.status, status, "{point}: {answer:?}");
            if excess {
                let expected = ("PAYMENT_DECLINED", &json!("LIMIT_EXCEEDED"));
                assert_eq!(
                    (answer.code().1, &answer.body["reason"]),
                    expected,
                    "{point}"
                );
            }
            assert_eq!(world.causes(order).await, causes, "{point}");
            world.quiet().await;
            assert_eq!(
                world.payments.taken().len(),
                usize::from(!excess),
                "{point}"
            );
            world.stock.assert_released_once();
        }
    }
}

/// The job writes down what the request that died began; the request that comes again is told.
#[tokio::test(flavor = "multi_thread")]
async fn paying_what_the_job_finished() {
    let world = World::new().await;
    let order = world.placed().await;
    let script = Script::new();
    script.crash_at("settle.asked");
    let dying = world.scripted(&script);
    let pay = |replica: crate::replica::Replica| async move {
        let body = json!({"isCanceled": false, "isLimitExcess": false});
        let path = format!("/order/payOrder/{order}");
        let alice = (ALICE, Role::User);
        replica
            .call(alice, Method::PUT, &path, Some("key-1"), Some(body))
            .await
    };
    let first = tokio::spawn(pay(dying));
    script.until_reached("settle.asked").await;
    first.abort();
    world.pass(120);
    world.run(mall_orders::SETTLE).await;
    assert_eq!(world.status(order).await, "ORDER_COMPLETE");
    assert_eq!(pay(world.twin()).await.status, 200);
    assert_eq!(world.payments.taken(), [order]);
    assert_eq!(world.causes(order).await, ["PLACED", "PAID"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_cancelling_refunding_and_moving() {
    let alice = (ALICE, Role::User);
    for (call, point) in [
        ("give up", "pay.loaded"),
        ("give up", "giveup.written"),
        ("give up", "outbox.delivered"),
        ("cancel", "request.written"),
        ("refund", "request.written"),
        ("move", "move.written"),
    ] {
        let world = World::new().await;
        let order = match call {
            "give up" => world.placed().await,
            _ => world.paid().await,
        };
        if call == "refund" {
            for _ in 0..2 {
                world.pass(24 * 3600);
                world.run(ADVANCE).await;
            }
        }
        let (by, path, body) = match call {
            "give up" => (
                alice,
                format!("/order/payOrder/{order}"),
                Some(json!({"isCanceled": true})),
            ),
            "move" => (
                (ADMIN, Role::Admin),
                format!("/admin/orders/{order}/move"),
                Some(json!({"to": "REQ_CANCEL", "reason": "as asked by phone"})),
            ),
            call => (alice, format!("/order/{call}/{order}"), None),
        };
        let before = world.causes(order).await.len();
        let answer = twice(&world, point, by, &path, body).await;
        assert_eq!(answer.status, 200, "{call} dies at {point}: {answer:?}");
        assert_eq!(
            world.causes(order).await.len(),
            before + 1,
            "{call} at {point}"
        );
        world.pass(60);
        world.quiet().await;
        world.stock.assert_released_once();
        let left = if call == "give up" {
            (10, 0, 0)
        } else {
            (8, 0, 2)
        };
        assert_eq!(world.stock.pieces(MUG), left, "{call} at {point}");
    }
}

/// The answer is stored with the effect: who repeats after a crash gets it, at once.
#[tokio::test(flavor = "multi_thread")]
async fn trying_a_dead_letter_again() {
    let world = World::new().await;
    let order = world.placed().await;
    // Stock says something final that it should not say.
    world.stock.line.faults(&[Fault::Conflict]);
    let give_up = json!({"isCanceled": true});
    assert_eq!(world.pay_with(ALICE, order, give_up).await.status, 200);
    let dead = world.orders.relay().list_dead(0, 1).await.unwrap()[0].id;
    let path = format!("/admin/orders/dead-letters/{dead}/retry");

    let script = Script::new();
    script.crash_at("retry.written");
    let dying = world.scripted(&script);
    let first = tokio::spawn({
        let path = path.clone();
        async move {
            let by = (ADMIN, Role::Admin);
            dying
                .call(by, Method::POST, &path, Some("key-1"), None)
                .await
        }
    });
    script.until_reached("retry.written").await;
    first.abort();
    let living = world.twin();
    let again = |key| living.call((ADMIN, Role::Admin), Method::POST, &path, Some(key), None);
    let repeated = again("key-1").await;
    assert_eq!(repeated.status, 200, "{repeated:?}");
    let another = again("key-2").await;
    assert_eq!(another.status, 404, "{another:?}");
    world.quiet().await;
    world.stock.assert_released_once();
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
}
