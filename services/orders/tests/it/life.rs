use futures_util::future::join_all;
use mall_orders::ADVANCE;
use serde_json::json;

use crate::support::{ALICE, BOB, MUG, World};

const DAY: i64 = 24 * 3600;

#[tokio::test]
async fn time_ships_and_delivers_one_step_a_day() {
    let world = World::new().await;
    let order = world.paid().await;
    world.pass(DAY - 60);
    world.run(ADVANCE).await;
    assert_eq!(world.status(order).await, "ORDER_COMPLETE");
    world.pass(60);
    world.run(ADVANCE).await;
    world.run(ADVANCE).await;
    assert_eq!(world.status(order).await, "SHIPPING");
    assert_eq!(
        world.cancel(ALICE, order).await.code(),
        (406, "ORDER_NOT_CANCELABLE")
    );
    world.pass(DAY);
    world.run(ADVANCE).await;
    assert_eq!(world.status(order).await, "FINISH_SHIPPING");
    world.pass(10 * DAY);
    world.run(ADVANCE).await;
    assert_eq!(
        world.causes(order).await,
        ["PLACED", "PAID", "SHIPPED", "DELIVERED"]
    );
    world.quiet().await;
    assert_eq!(world.stock.pieces(MUG), (8, 0, 2));
    assert_eq!(world.payments.given_back(), [0; 0]);
}

#[tokio::test]
async fn a_cancellation_gives_money_and_stock_back_exactly_once() {
    let world = World::new().await;
    let order = world.paid().await;
    assert_eq!(
        world.cancel(BOB, order).await.code(),
        (404, "ORDER_NOT_FOUND")
    );
    let answers = join_all((0..20).map(|_| world.cancel(ALICE, order))).await;
    let done: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .collect();
    assert_eq!(done.len(), 1);
    assert_eq!(
        (&done[0].body["statusCode"], &done[0].body["success"]),
        (&json!(200), &json!(true))
    );
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer.code() == (406, "ORDER_NOT_CANCELABLE"))
            .count(),
        19
    );
    assert_eq!(world.status(order).await, "REQ_CANCEL");
    world.quiet().await;
    assert_eq!(
        (world.stock.pieces(MUG), world.payments.given_back()),
        ((8, 0, 2), vec![])
    );

    world.pass(DAY);
    let (replica, other) = world.replica();
    let _ = tokio::join!(world.run(ADVANCE), other.run_now(ADVANCE));
    // Two relays at the same rows, too.
    let (a, b) = tokio::join!(
        world.orders.relay().drain_once(),
        replica.relay().drain_once()
    );
    assert!(a.unwrap() + b.unwrap() <= 2);
    world.quiet().await;
    world.run(ADVANCE).await;
    world.quiet().await;
    assert_eq!(
        world.causes(order).await,
        ["PLACED", "PAID", "CANCEL_REQUESTED", "CANCELED"]
    );
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    assert_eq!(world.payments.given_back(), [order]);
    world.stock.assert_released_once();
}

#[tokio::test]
async fn a_refund_gives_money_and_stock_back_also_through_bad_lines() {
    use crate::fakes::Fault::{LoseAnswer, LoseRequest};
    let world = World::new().await;
    let order = world.paid().await;
    assert_eq!(
        world.refund(ALICE, order).await.code(),
        (406, "ORDER_NOT_REFUNDABLE")
    );
    for _ in 0..2 {
        world.pass(DAY);
        world.run(ADVANCE).await;
    }
    assert_eq!(
        world.refund(BOB, order).await.code(),
        (404, "ORDER_NOT_FOUND")
    );
    assert_eq!(world.refund(ALICE, order).await.status, 200);
    assert_eq!(
        world.refund(ALICE, order).await.code(),
        (406, "ORDER_NOT_REFUNDABLE")
    );
    world.pass(DAY);
    world
        .payments
        .line
        .faults(&[LoseAnswer, LoseRequest, LoseAnswer]);
    world.stock.line.faults(&[LoseRequest, LoseAnswer]);
    world.run(ADVANCE).await;
    world.quiet().await;
    assert_eq!(world.status(order).await, "FINISH_REFUND");
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    assert_eq!(world.payments.given_back(), [order]);
    world.stock.assert_released_once();
}

#[tokio::test]
async fn money_does_not_wait_for_stock_nor_stock_for_money() {
    let world = World::new().await;
    let order = world.paid().await;
    world.cancel(ALICE, order).await;
    world.pass(DAY);
    world.payments.line.away(true);
    world.run(ADVANCE).await;
    while world.orders.relay().drain_once().await.unwrap() > 0 {}
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    assert_eq!(
        (
            world.payments.given_back(),
            world.orders.relay().pending().await.unwrap()
        ),
        (vec![], 1)
    );
    world.payments.line.away(false);
    world.quiet().await;
    assert_eq!(world.payments.given_back(), [order]);
}

#[tokio::test]
async fn many_due_orders_move_in_batches() {
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 1000);
    let mut orders = Vec::new();
    for _ in 0..11 {
        orders.push(world.paid().await);
    }
    for order in &orders[..5] {
        assert_eq!(world.cancel(ALICE, *order).await.status, 200);
    }
    world.pass(DAY);
    world.run(ADVANCE).await;
    world.quiet().await;
    for (index, order) in orders.iter().enumerate() {
        assert_eq!(
            world.status(*order).await,
            if index < 5 {
                "ORDER_CANCEL"
            } else {
                "SHIPPING"
            }
        );
    }
    let mut given_back = world.payments.given_back();
    given_back.sort_unstable();
    assert_eq!(given_back, orders[..5]);
}

/// Every call in every state: only what the table allows, everything else 406 and nothing changed.
#[tokio::test]
async fn illegal_moves_are_406_in_every_state() {
    let states = [
        "ORDER_COMPLETE",
        "REQ_CANCEL",
        "ORDER_CANCEL",
        "SHIPPING",
        "FINISH_SHIPPING",
        "REQ_REFUND",
        "FINISH_REFUND",
        "WAITING_PAYING",
    ];
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 1000);
    for (number, state) in states.iter().enumerate() {
        for call in ["pay", "give up", "cancel", "refund"] {
            let order = world.placed().await;
            world
                .execute(format!(
                    "UPDATE orders SET status = {number} WHERE id = {order}"
                ))
                .await;
            let answer = match call {
                "pay" => world.pay(ALICE, order).await,
                "give up" => {
                    world
                        .pay_with(ALICE, order, json!({"isCanceled": true}))
                        .await
                }
                "cancel" => world.cancel(ALICE, order).await,
                _ => world.refund(ALICE, order).await,
            };
            let after = world.status(order).await;
            let expected = match (*state, call) {
                ("WAITING_PAYING", "pay") => Some("ORDER_COMPLETE"),
                ("WAITING_PAYING", "give up") => Some("ORDER_CANCEL"),
                ("ORDER_COMPLETE", "cancel") => Some("REQ_CANCEL"),
                ("FINISH_SHIPPING", "refund") => Some("REQ_REFUND"),
                _ => None,
            };
            match expected {
                Some(next) => assert_eq!(
                    (answer.status, after.as_str()),
                    (200, next),
                    "{call} in {state}"
                ),
                None => assert_eq!(
                    (answer.status, after.as_str()),
                    (406, *state),
                    "{call} in {state}"
                ),
            }
        }
    }
}
