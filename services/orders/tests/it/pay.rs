use futures_util::future::join_all;
use http::Method;
use mall_orders::{DEADLINE, SETTLE};
use mall_types::Role;
use serde_json::json;

use crate::fakes::Fault;
use crate::support::{ALICE, BOB, MUG, World};

#[tokio::test]
async fn paying_completes_the_order_once() {
    let world = World::new().await;
    let order = world.placed().await;
    let answer = world.pay(ALICE, order).await;
    assert_eq!(
        (answer.status, answer.content_type.as_str()),
        (200, "text/plain;charset=UTF-8")
    );
    assert!(answer.body.is_string());
    assert_eq!(world.status(order).await, "ORDER_COMPLETE");
    assert_eq!(world.causes(order).await, ["PLACED", "PAID"]);
    assert_eq!(world.stock.pieces(MUG), (8, 0, 2));
    assert_eq!(
        world.pay(ALICE, order).await.code(),
        (406, "ORDER_NOT_PAYABLE")
    );
    assert_eq!(
        world
            .pay_with(ALICE, order, json!({"isCanceled": true}))
            .await
            .code(),
        (406, "ORDER_NOT_PAYABLE")
    );
    world.quiet().await;
    assert_eq!(world.payments.taken(), [order]);
    assert_eq!(world.stock.pieces(MUG), (8, 0, 2));
}

#[tokio::test]
async fn a_decline_cancels_the_order_and_gives_the_stock_back_once() {
    let world = World::new().await;
    let order = world.placed().await;
    let excess = json!({"isCanceled": false, "isLimitExcess": true});
    let answer = world.pay_with(ALICE, order, excess.clone()).await;
    assert_eq!(
        (answer.code(), &answer.body["reason"]),
        ((409, "PAYMENT_DECLINED"), &json!("LIMIT_EXCEEDED"))
    );
    assert_eq!(world.status(order).await, "ORDER_CANCEL");
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    assert_eq!(
        world.pay_with(ALICE, order, excess).await.code(),
        (406, "ORDER_NOT_PAYABLE")
    );
    world.quiet().await;
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    world.stock.assert_released_once();
    assert_eq!(world.payments.taken(), [0; 0]);
}

#[tokio::test]
async fn giving_up_cancels_the_order_without_a_payment() {
    let world = World::new().await;
    for body in [
        json!({"isCanceled": true}),
        json!({"isCanceled": true, "isLimitExcess": true}),
    ] {
        let order = world.placed().await;
        let answer = world.pay_with(ALICE, order, body.clone()).await;
        assert_eq!(
            (answer.status, answer.content_type.as_str()),
            (200, "text/plain;charset=UTF-8")
        );
        assert_eq!(world.status(order).await, "ORDER_CANCEL");
        assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
        assert_eq!(
            world.pay(ALICE, order).await.code(),
            (406, "ORDER_NOT_PAYABLE")
        );
        assert_eq!(
            world.pay_with(ALICE, order, body).await.code(),
            (406, "ORDER_NOT_PAYABLE")
        );
    }
    world.quiet().await;
    world.stock.assert_released_once();
    assert!(world.payments.till.lock().unwrap().payments.is_empty());
}

#[tokio::test]
async fn effects_survive_that_another_program_has_the_address() {
    let world = World::new().await;
    let order = world.placed().await;
    world
        .stock
        .line
        .faults(&[Fault::WrongProgram, Fault::WrongProgram]);
    let give_up = world
        .pay_with(ALICE, order, json!({"isCanceled": true}))
        .await;
    assert_eq!(give_up.status, 200);
    world.quiet().await;
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    world.stock.assert_released_once();
}

#[tokio::test]
async fn payments_that_nobody_knows_do_not_keep_the_job_from_later_ones() {
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 100);
    // As many as the job asks about at once, and the oldest.
    for _ in 0..8 {
        let order = world.placed().await;
        world
            .execute(format!(
                "UPDATE orders SET paying_since = '2024-05-01 00:59:00', pay_request = '{{' WHERE id = {order}"
            ))
            .await;
    }
    let order = world.placed().await;
    world.payments.line.faults(&[Fault::LoseAnswer]);
    assert_eq!(world.pay(ALICE, order).await.status, 503);
    world.pass(60);
    world.run(SETTLE).await;
    assert_eq!(world.status(order).await, "ORDER_COMPLETE");
}

#[tokio::test]
async fn malformed_payments_and_others_orders_change_nothing() {
    let world = World::new().await;
    let order = world.placed().await;
    for body in [
        "{}",
        r#"{"isCanceled":false}"#,
        r#"{"isCanceled":"false","isLimitExcess":0}"#,
        "",
        "[]",
        r#"{"isCanceled":null,"isLimitExcess":null}"#,
        r#"{"isCanceled":true,"x":1}"#,
    ] {
        let path = format!("/order/payOrder/{order}");
        let answer = world
            .send(
                Some((ALICE, Role::User)),
                Method::PUT,
                &path,
                Some(body.into()),
            )
            .await;
        assert_eq!(answer.status, 400, "{body}");
    }
    assert_eq!(world.pay(BOB, order).await.code(), (404, "ORDER_NOT_FOUND"));
    assert_eq!(
        world
            .pay_with(BOB, order, json!({"isCanceled": true}))
            .await
            .code(),
        (404, "ORDER_NOT_FOUND")
    );
    assert_eq!(
        world.pay(ALICE, 999_999).await.code(),
        (404, "ORDER_NOT_FOUND")
    );
    let answer = world
        .call(
            ALICE,
            Method::PUT,
            "/order/payOrder/x",
            Some(json!({"isCanceled": true})),
        )
        .await;
    assert_eq!(answer.code(), (400, "INVALID_PATH"));
    assert_eq!(world.status(order).await, "WAITING_PAYING");
    assert_eq!(world.stock.pieces(MUG), (8, 2, 0));
}

#[tokio::test]
async fn twins_pay_once() {
    let world = World::new().await;
    let order = world.placed().await;
    let answers = join_all((0..10).map(|_| world.pay(ALICE, order))).await;
    let paid = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers
        .iter()
        .filter(|answer| answer.code() == (406, "ORDER_NOT_PAYABLE"))
        .count();
    assert_eq!((paid, refused), (1, 9), "{answers:?}");
    world.quiet().await;
    assert_eq!(world.payments.taken(), [order]);
    assert_eq!(world.causes(order).await, ["PLACED", "PAID"]);
    assert_eq!(world.stock.pieces(MUG), (8, 0, 2));
}

#[tokio::test]
async fn paying_and_giving_up_at_once_ends_in_one_of_them() {
    let world = World::new().await;
    for _ in 0..10 {
        let order = world.placed().await;
        let (paid, canceled) = tokio::join!(
            world.pay(ALICE, order),
            world.pay_with(ALICE, order, json!({"isCanceled": true}))
        );
        world.quiet().await;
        let taken = world.payments.taken().contains(&order);
        match world.status(order).await.as_str() {
            "ORDER_COMPLETE" => assert!(taken && paid.status == 200 && canceled.status >= 400),
            "ORDER_CANCEL" => assert!(!taken && paid.status == 406 && canceled.status == 200),
            other => panic!("{other}"),
        }
        world.offer(MUG, "Mug", 5000, 10);
    }
    world.stock.assert_released_once();
}

#[tokio::test]
async fn an_unknown_payment_is_settled_by_the_job_and_never_cancelled_meanwhile() {
    for fault in [Fault::LoseAnswer, Fault::LoseRequest] {
        let world = World::new().await;
        let order = world.placed().await;
        world.payments.line.faults(&[fault]);
        let answer = world.pay(ALICE, order).await;
        assert_eq!(
            (answer.code(), answer.retry_after),
            ((503, "PAYMENT_UNSETTLED"), true)
        );
        let give_up = world
            .pay_with(ALICE, order, json!({"isCanceled": true}))
            .await;
        assert_eq!(give_up.code(), (409, "PAYMENT_IN_PROGRESS"));
        world.pass(3600);
        world.run(DEADLINE).await;
        assert_eq!(world.status(order).await, "WAITING_PAYING");
        world.payments.line.away(true);
        world.run(SETTLE).await;
        assert_eq!(world.status(order).await, "WAITING_PAYING");
        world.payments.line.away(false);
        world.run(SETTLE).await;
        assert_eq!(world.status(order).await, "ORDER_COMPLETE", "{fault:?}");
        world.run(SETTLE).await;
        world.quiet().await;
        assert_eq!(world.payments.taken(), [order]);
        assert_eq!(world.stock.pieces(MUG), (8, 0, 2));
    }
}

#[tokio::test]
async fn an_unknown_payment_can_also_turn_out_declined() {
    let world = World::new().await;
    let order = world.placed().await;
    world.payments.till.lock().unwrap().undecided = 2;
    let answer = world
        .pay_with(
            ALICE,
            order,
            json!({"isCanceled": false, "isLimitExcess": true}),
        )
        .await;
    assert_eq!(answer.code(), (503, "PAYMENT_UNSETTLED"));
    // Too young for the job, which leaves it to the request under way.
    world.pass(14);
    world.run(SETTLE).await;
    assert_eq!(world.payments.till.lock().unwrap().undecided, 1);
    world.pass(1);
    world.run(SETTLE).await;
    assert_eq!(world.status(order).await, "WAITING_PAYING");
    world.run(SETTLE).await;
    assert_eq!(world.status(order).await, "ORDER_CANCEL");
    world.quiet().await;
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
}

#[tokio::test]
async fn the_shopper_may_ask_again_after_an_unknown_outcome() {
    let world = World::new().await;
    let order = world.placed().await;
    world.payments.line.faults(&[Fault::LoseAnswer]);
    assert_eq!(world.pay(ALICE, order).await.status, 503);
    // What was asked first counts: the switch of the second call can't turn a payment into a decline.
    let answer = world
        .pay_with(
            ALICE,
            order,
            json!({"isCanceled": false, "isLimitExcess": true}),
        )
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.payments.taken(), [order]);
}

#[tokio::test]
async fn a_crash_before_payments_was_asked_is_driven_on() {
    let world = World::new().await;
    let order = world.placed().await;
    let request = json!({"orderId": order, "userId": ALICE, "amount": 10_000, "simulate": {"limitExceeded": false}});
    world
        .execute(format!(
            "UPDATE orders SET paying_since = '2024-05-01 01:00:00', pay_request = '{request}' WHERE id = {order}"
        ))
        .await;
    world.pass(60);
    world.run(SETTLE).await;
    assert_eq!(world.status(order).await, "ORDER_COMPLETE");
    assert_eq!(world.payments.taken(), [order]);
}
