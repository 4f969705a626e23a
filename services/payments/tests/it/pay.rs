use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::Method;
use serde_json::json;

use crate::support::{Fault, World, pay};

#[tokio::test]
async fn a_payment_is_taken_once_and_told_again() {
    let world = World::new().await;
    let first = world.pay(1, false).await;
    assert_eq!(first["state"], "CAPTURED");
    assert_eq!(first["amount"], 5000);
    assert_eq!(world.pay(1, true).await, first);
    assert_eq!(world.payment(1).await, (200, first));
    assert_eq!(world.books().await, (1, 5000, 0));
}

#[tokio::test]
async fn a_decline_stays_a_decline() {
    let world = World::new().await;
    let first = world.pay(1, true).await;
    assert_eq!(
        (&first["state"], &first["reason"]),
        (&json!("DECLINED"), &json!("LIMIT_EXCEEDED"))
    );
    assert_eq!(world.pay(1, false).await, first);
    assert_eq!(world.books().await, (1, 0, 0));
}

#[tokio::test]
async fn another_amount_or_buyer_is_refused() {
    let world = World::new().await;
    world.pay(1, false).await;
    let mut other_buyer = pay(1, 5000, false);
    other_buyer["userId"] = json!(8);
    for body in [pay(1, 4999, false), other_buyer] {
        let (status, answer) = world
            .call(Method::POST, "/internal/payments", Some(body))
            .await;
        assert_eq!((status, &answer["code"]), (409, &json!("PAYMENT_MISMATCH")));
    }
    assert_eq!(world.books().await, (1, 5000, 0));
}

#[tokio::test]
async fn a_lost_answer_is_found_and_not_charged_again() {
    let world = World::new().await;
    world.faults(&[Fault::LoseAnswer]);
    assert_eq!(world.pay(1, false).await["state"], "UNKNOWN");
    assert_eq!(world.payment(1).await.1["state"], "CAPTURED");
    assert_eq!(world.pay(1, false).await["state"], "CAPTURED");
    assert_eq!(world.books().await, (1, 5000, 0));
}

#[tokio::test]
async fn a_lost_request_is_asked_again_but_looking_takes_nothing() {
    let world = World::new().await;
    world.faults(&[Fault::LoseRequest]);
    assert_eq!(world.pay(1, false).await["state"], "UNKNOWN");
    assert_eq!(world.payment(1).await.1["state"], "UNKNOWN");
    assert_eq!(world.books().await, (0, 0, 0));
    // Found nothing, charged, and the answer got lost: still one charge at the end.
    world.faults(&[Fault::LoseRequest]);
    assert_eq!(world.pay(1, false).await["state"], "UNKNOWN");
    assert_eq!(world.pay(1, false).await["state"], "CAPTURED");
    assert_eq!(world.books().await, (1, 5000, 0));
}

#[tokio::test]
async fn a_provider_that_hangs_is_not_waited_for() {
    let world = World::new().await;
    world.faults(&[Fault::Slow]);
    let started = Instant::now();
    assert_eq!(world.pay(1, true).await["state"], "UNKNOWN");
    assert!(started.elapsed() < Duration::from_secs(20));
    let found = world.payment(1).await.1;
    assert_eq!(
        (&found["state"], &found["reason"]),
        (&json!("DECLINED"), &json!("LIMIT_EXCEEDED"))
    );
}

#[tokio::test]
async fn twins_take_the_money_once() {
    let world = World::new().await;
    let answers = join_all((0..20).map(|_| world.pay(1, false))).await;
    assert!(answers.iter().all(|answer| answer["state"] == "CAPTURED"));
    assert_eq!(world.books().await, (1, 5000, 0));
}

#[tokio::test]
async fn nonsense_is_refused() {
    let world = World::new().await;
    let post = |body: &'static str| {
        world.send(Method::POST, "/internal/payments", Some(body.into()), true)
    };
    for body in [
        "",
        "{",
        "{}",
        r#"{"orderId":"1","userId":7,"amount":1}"#,
        r#"{"orderId":1,"userId":7,"amount":1.5}"#,
    ] {
        assert_eq!(post(body).await.0, 400, "{body}");
    }
    let (status, answer) = post(r#"{"orderId":1,"userId":7,"amount":-1,"later":true}"#).await;
    assert_eq!((status, &answer["code"]), (400, &json!("INVALID_FIELDS")));
    assert!(answer["errors"]["amount"].is_string());
    let (status, answer) = world.payment(999).await;
    assert_eq!((status, &answer["code"]), (404, &json!("PAYMENT_UNKNOWN")));
    assert_eq!(
        world
            .call(Method::GET, "/internal/payments/x", None)
            .await
            .0,
        400
    );
    assert_eq!(world.books().await, (0, 0, 0));
}

#[tokio::test]
async fn nobody_but_a_service_may_ask() {
    let world = World::new().await;
    let body = pay(1, 5000, false).to_string();
    assert_eq!(
        world
            .send(Method::POST, "/internal/payments", Some(body), false)
            .await
            .0,
        401
    );
    assert_eq!(
        world
            .send(Method::GET, "/internal/payments/1", None, false)
            .await
            .0,
        401
    );
    let refund = json!({"refundId": "r", "amount": 5000}).to_string();
    assert_eq!(
        world
            .send(
                Method::POST,
                "/internal/payments/1/refund",
                Some(refund),
                false
            )
            .await
            .0,
        401
    );
    assert_eq!(world.books().await, (0, 0, 0));
}
