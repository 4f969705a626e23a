//! Refunds at Toss: exactly once, under lost answers, refusals and repeats.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::TossWorld;

async fn paid() -> TossWorld {
    paid_in(TossWorld::new().await).await
}

async fn paid_in(world: TossWorld) -> TossWorld {
    let key = world.agree(1);
    assert_eq!(world.pay(1, &key).await["state"], "CAPTURED");
    world.toss.notices_sent().await;
    world
}

async fn refund(world: &TossWorld) -> String {
    let (status, answer) = world.world.refund(1, "order-1", 5000).await;
    assert_eq!(status, 200, "{answer}");
    answer["state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_money_goes_back_once() {
    let world = paid().await;
    for _ in 0..3 {
        assert_eq!(refund(&world).await, "REFUNDED");
    }
    assert_eq!(world.moved(), (vec![5000], vec![5000]));
}

#[tokio::test]
async fn twins_give_it_back_once() {
    let world = paid().await;
    let states = join_all((0..20).map(|_| refund(&world))).await;
    assert!(states.iter().all(|state| state == "REFUNDED"), "{states:?}");
    assert_eq!(world.moved(), (vec![5000], vec![5000]));
}

#[tokio::test]
async fn what_is_lost_is_finished_once() {
    for answers in [true, false] {
        let world = paid().await;
        world.toss.switch(|on| {
            if answers {
                on.lose_answers = 1;
            } else {
                on.lose_requests = 1;
            }
        });
        // Toss shows at once whether it was done only when the answer was readable: a dead line leaves it unknown.
        assert_eq!(refund(&world).await, "UNKNOWN", "answers: {answers}");
        world.world.settle_after(16).await;
        assert_eq!(world.world.payment(1).await.1["refund"], "REFUNDED");
        assert_eq!(
            world.moved(),
            (vec![5000], vec![5000]),
            "answers: {answers}"
        );
    }
}

/// Toss repeats an error under its key: the next call has another one, and all of the money still goes back only once.
#[tokio::test]
async fn after_a_refusal_the_next_call_has_a_key_of_its_own() {
    let world = paid().await;
    world.toss.switch(|on| on.fail_before = 2);
    assert_eq!(refund(&world).await, "UNKNOWN");
    assert_eq!(
        world.world.kept(1).await["refunds"][0]["reason"],
        "FAILED_INTERNAL_SYSTEM_PROCESSING"
    );
    world.world.settle_after(16).await;
    assert_eq!(world.world.payment(1).await.1["refund"], "UNKNOWN");
    world.toss.switch(|on| on.fail_after = 1);
    world.world.settle_after(61).await;
    assert_eq!(world.world.payment(1).await.1["refund"], "REFUNDED");
    assert_eq!(refund(&world).await, "REFUNDED");
    assert_eq!(world.moved(), (vec![5000], vec![5000]));
    let kept = world.world.kept(1).await;
    let attempts = kept["attempts"].as_array().unwrap().iter().rev();
    let keys: Vec<&str> = attempts
        .filter(|attempt| attempt["kind"] == "REFUND")
        .map(|attempt| attempt["idempotencyKey"].as_str().unwrap())
        .collect();
    assert_eq!(keys.len(), 3, "{kept}");
    assert_eq!(keys[1], format!("{}-1", keys[0]));
    assert_eq!(keys[2], format!("{}-2", keys[0]));
}

/// Somebody gave the money back by hand: then it is back, and does not go back again.
#[tokio::test]
async fn what_was_given_back_by_hand_counts() {
    let world = paid_in(TossWorld::with_webhooks().await).await;
    let key = world.world.kept(1).await["providerReference"]
        .as_str()
        .unwrap()
        .to_owned();
    let by_hand = reqwest::Client::builder().no_proxy().build().unwrap();
    let cancelled = by_hand
        .post(format!("{}/v1/payments/{key}/cancel", world.toss.url()))
        .basic_auth(crate::support::SECRET, Some(""))
        .json(&json!({"cancelReason": "by hand"}))
        .send()
        .await
        .unwrap();
    assert_eq!(cancelled.status(), 200);
    // The webhook about it finds a contradiction, which somebody has to look at.
    world.toss.notices_sent().await;
    let metrics = world.world.metrics.render(false, &[]);
    assert!(
        metrics.contains("mall_payments_contradictions_total 1"),
        "{metrics}"
    );
    assert_eq!(refund(&world).await, "REFUNDED");
    assert_eq!(world.moved(), (vec![5000], vec![5000]));
}
