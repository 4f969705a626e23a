//! Placing dies at each of its steps, and comes again under its Idempotency-Key: there is one order, and its number is told.

use http::Method;
use mall_fault_points::Script;
use mall_stock_api::StockApi;
use mall_types::Role;
use serde_json::{Value, json};

use crate::fakes::Fault;
use crate::replica::Replica;
use crate::support::{ALICE, Answered, MUG, PEN, World};

const SINGLE: &str = "/order/orderProduct";
const CART: &str = "/order/orderCartList";

async fn place(by: &Replica, path: &str) -> Answered {
    let body = (path == SINGLE).then(|| json!({"productId": MUG, "quantity": 2}));
    let alice = (ALICE, Role::User);
    by.call(alice, Method::POST, path, Some("key-1"), body)
        .await
}

/// Sends it to an instance that dies at the point.
async fn dies(world: &World, point: &'static str, path: &'static str) {
    let script = Script::new();
    script.crash_at(point);
    let dying = world.scripted(&script);
    let first = tokio::spawn(async move { place(&dying, path).await });
    script.until_reached(point).await;
    first.abort();
    // Its lease ends.
    world.pass(120);
}

fn reservations(world: &World) -> Vec<String> {
    let shelf = world.stock.shelf.lock().unwrap();
    shelf.reservations.keys().cloned().collect()
}

/// What stock's job does with a reservation that stays without an order.
async fn orphans_go_back(world: &World) {
    let ids = reservations(world);
    let answer = world.peer(
        "/internal/orders/reservations",
        json!({"reservationIds": ids}),
    );
    for id in answer.await.body["fenced"].as_array().unwrap() {
        world.stock.release(id.as_str().unwrap()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_is_made_once_wherever_the_first_attempt_died() {
    for path in [SINGLE, CART] {
        for point in ["placing.reserved", "placing.written"] {
            for given_back in [false, true] {
                let world = World::new().await;
                world.put_in_cart(ALICE, MUG, 2);
                dies(&world, point, path).await;
                if given_back {
                    orphans_go_back(&world).await;
                }
                let living = world.twin();
                let case = format!("{path} {point} {given_back}");
                let answer = place(&living, path).await;
                assert_eq!(answer.status, 200, "{case}: {answer:?}");
                assert_eq!(place(&living, path).await.body, answer.body, "{case}");
                world.quiet().await;
                assert_eq!(world.orders().await, 1, "{case}");
                assert_eq!(world.stock.pieces(MUG), (8, 2, 0), "{case}");
                world.stock.assert_released_once();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cart_that_changed_meanwhile_is_ordered_as_it_is_now() {
    let world = World::new().await;
    world.put_in_cart(ALICE, MUG, 2);
    dies(&world, "placing.reserved", CART).await;
    world.put_in_cart(ALICE, PEN, 1);
    let answer = place(&world.twin(), CART).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    world.quiet().await;
    assert_eq!(world.orders().await, 1);
    assert_eq!(world.stock.pieces(MUG), (8, 2, 0));
    assert_eq!(world.stock.pieces(PEN), (1, 1, 0));
    world.stock.assert_released_once();
}

/// Told no, the caller may believe it: what the first attempt has under way comes to nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_attempt_that_is_refused_ends_the_first_one() {
    let world = World::new().await;
    let script = Script::new();
    script.hold_at("placing.reserved");
    let slow = world.scripted(&script);
    let first = tokio::spawn(async move { place(&slow, SINGLE).await });
    script.until_reached("placing.reserved").await;
    world.pass(120);
    // The product is gone meanwhile.
    world.products.views.lock().unwrap().clear();
    let answer = place(&world.twin(), SINGLE).await;
    assert_eq!(answer.code(), (404, "PRODUCT_NOT_FOUND"));
    script.let_go("placing.reserved");
    assert_eq!(first.await.unwrap().status, 503);
    world.quiet().await;
    assert_eq!(world.orders().await, 0);
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    world.stock.assert_released_once();
}

/// Paused past its lease, with the same reservation as the attempt that has its key now.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_has_lost_its_key_writes_nothing() {
    let world = World::new().await;
    let attempts: Vec<_> = (0..2).map(|_| Script::new()).collect();
    let mut running = Vec::new();
    for script in &attempts {
        script.hold_at("placing.reserved");
        let replica = world.scripted(script);
        running.push(tokio::spawn(async move { place(&replica, SINGLE).await }));
        script.until_reached("placing.reserved").await;
        world.pass(120);
    }
    let second = running.pop().unwrap();
    attempts[0].let_go("placing.reserved");
    assert_eq!(running.pop().unwrap().await.unwrap().status, 503);
    assert_eq!(world.orders().await, 0);
    attempts[1].let_go("placing.reserved");
    let answer = second.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(place(&world.twin(), SINGLE).await.body, answer.body);
    world.quiet().await;
    assert_eq!(world.orders().await, 1);
    assert_eq!(world.stock.pieces(MUG), (8, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_may_be_tried_again_under_the_same_key() {
    for fault in [Fault::LoseAnswer, Fault::LoseRequest] {
        let world = World::new().await;
        let alive = world.twin();
        world.stock.line.faults(&[fault]);
        assert_eq!(place(&alive, SINGLE).await.status, 503, "{fault:?}");
        let answer = place(&alive, SINGLE).await;
        assert_eq!(answer.status, 200, "{fault:?}: {answer:?}");
        world.quiet().await;
        assert_eq!(world.orders().await, 1);
        assert_eq!(world.stock.pieces(MUG), (8, 2, 0));
        let _: Value = answer.body;
    }
}
