use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Fault, World};

#[tokio::test]
async fn the_money_goes_back_once() {
    let world = World::new().await;
    world.pay(1, false).await;
    for _ in 0..3 {
        let (status, answer) = world.refund(1, "order-1", 5000).await;
        assert_eq!((status, &answer["state"]), (200, &json!("REFUNDED")));
    }
    assert_eq!(world.payment(1).await.1["refund"], "REFUNDED");
    assert_eq!(world.books().await, (1, 5000, 5000));
}

#[tokio::test]
async fn another_refund_of_the_same_payment_is_refused() {
    let world = World::new().await;
    world.pay(1, false).await;
    assert_eq!(
        world.refund(1, "order-1", 4000).await.1["code"],
        "REFUND_MISMATCH"
    );
    assert_eq!(world.books().await, (1, 5000, 0));
    assert_eq!(world.refund(1, "order-1", 5000).await.0, 200);
    let (status, answer) = world.refund(1, "order-1-again", 5000).await;
    assert_eq!((status, &answer["code"]), (409, &json!("REFUND_MISMATCH")));
    assert_eq!(world.books().await, (1, 5000, 5000));
}

#[tokio::test]
async fn only_money_that_was_taken_goes_back() {
    let world = World::new().await;
    assert_eq!(world.refund(9, "r", 5000).await.0, 404);
    world.pay(1, true).await;
    let (status, answer) = world.refund(1, "r", 5000).await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("PAYMENT_NOT_CAPTURED"))
    );
    world.faults(&[Fault::LoseRequest]);
    world.pay(2, false).await;
    let (status, answer) = world.refund(2, "r", 5000).await;
    assert_eq!(
        (status, &answer["code"]),
        (503, &json!("PAYMENT_UNSETTLED"))
    );
    // Known now: paid after all, so the refund goes through.
    world.pay(2, false).await;
    assert_eq!(world.refund(2, "r", 5000).await.1["state"], "REFUNDED");
    for (id, amount) in [("", 5000), (&*"x".repeat(65), 5000), ("r", -1)] {
        assert_eq!(world.refund(1, id, amount).await.0, 400);
    }
    assert_eq!(world.books().await, (2, 5000, 5000));
}

#[tokio::test]
async fn a_refund_of_unknown_outcome_is_finished_by_repeating_it() {
    for fault in [Fault::LoseRequest, Fault::LoseAnswer, Fault::Slow] {
        let world = World::new().await;
        world.pay(1, false).await;
        world.faults(&[fault]);
        assert_eq!(
            world.refund(1, "order-1", 5000).await.1["state"],
            "UNKNOWN",
            "{fault:?}"
        );
        assert_eq!(world.payment(1).await.1["refund"], "UNKNOWN");
        assert_eq!(
            world.refund(1, "order-1", 5000).await.1["state"],
            "REFUNDED",
            "{fault:?}"
        );
        assert_eq!(world.books().await, (1, 5000, 5000), "{fault:?}");
    }
}

#[tokio::test]
async fn twins_give_the_money_back_once() {
    let world = World::new().await;
    world.pay(1, false).await;
    let answers = join_all((0..20).map(|_| world.refund(1, "order-1", 5000))).await;
    assert!(
        answers
            .iter()
            .all(|(status, answer)| *status == 200 && answer["state"] == "REFUNDED"),
        "{answers:?}"
    );
    assert_eq!(world.books().await, (1, 5000, 5000));
}
