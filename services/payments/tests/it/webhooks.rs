//! Webhooks: who may tell, what it changes, and that nothing happens twice.

use chrono::{DateTime, Utc};
use http::HeaderMap;
use mall_clock::Clock;
use mall_payments::WebhookSignature;
use mall_payments::toss_simulator::sign;
use serde_json::{Value, json};

use crate::support::{TossWorld, WEBHOOK_KEY, World, number};

/// What Toss would tell about order 1.
fn told(key: &str, change: Value) -> Vec<u8> {
    let mut data =
        json!({"paymentKey": key, "orderId": "order-1", "status": "DONE", "totalAmount": 5000});
    let change = change.as_object().unwrap().clone();
    data.as_object_mut().unwrap().extend(change);
    let event = json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "x", "data": data});
    event.to_string().into_bytes()
}

fn headers(id: &str, at: DateTime<Utc>, body: &[u8], key: Option<&str>) -> HeaderMap {
    let time = at.to_rfc3339();
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: String| headers.insert(name, value.parse().unwrap());
    put("tosspayments-webhook-transmission-id", id.into());
    put("tosspayments-webhook-transmission-time", time.clone());
    if let Some(key) = key {
        let signature = sign(key.as_bytes(), body, &time);
        put("tosspayments-webhook-signature", signature);
    }
    headers
}

/// A payment whose confirmation was done and not heard of, and its key.
async fn unheard(world: &TossWorld) -> String {
    let key = world.agree(1);
    world.toss.switch(|on| on.lose_answers = 1);
    let pay = world.pay(1, &key);
    assert_eq!(pay.await["state"], "UNKNOWN");
    key
}

const KEY: Option<&str> = Some(WEBHOOK_KEY);

#[tokio::test]
async fn a_webhook_settles_what_is_unknown() {
    let world = TossWorld::with_webhooks().await;
    let key = world.agree(1);
    world.toss.switch(|on| on.lose_answers = 1);
    world.pay(1, &key).await;
    world.toss.notices_sent().await;
    let kept = world.world.kept(1).await;
    assert_eq!(kept["state"], "CAPTURED", "{kept}");
    assert_eq!(world.moved(), (vec![5000], vec![]));
}

#[tokio::test]
async fn a_forged_webhook_changes_nothing() {
    let world = TossWorld::new().await;
    let key = unheard(&world).await;
    let now = world.world.clock.now();
    let body = told(&key, json!({}));
    let signed = headers("w-1", now, &body, KEY);
    let lie = told(&key, json!({"status": "CANCELED"}));
    let long_ago = now - chrono::Duration::minutes(6);
    for (headers, body, status, code) in [
        (
            headers("w-1", now, &body, None),
            &body,
            401,
            "WEBHOOK_FORGED",
        ),
        (
            headers("w-1", now, &body, Some("another key")),
            &body,
            401,
            "WEBHOOK_FORGED",
        ),
        (signed.clone(), &lie, 401, "WEBHOOK_FORGED"),
        (
            headers("w-1", long_ago, &body, KEY),
            &body,
            401,
            "WEBHOOK_STALE",
        ),
    ] {
        let (answered, answer) = world.world.webhook("toss", &headers, body).await;
        assert_eq!((answered, &answer["code"]), (status, &json!(code)));
    }
    assert_eq!(world.world.kept(1).await["state"], "UNKNOWN");
    assert_eq!(
        number(&world.world.db, "SELECT COUNT(*) FROM webhook_event").await,
        0
    );
    // The real one.
    assert_eq!(world.world.webhook("toss", &signed, &body).await.0, 200);
    assert_eq!(world.world.kept(1).await["state"], "CAPTURED");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let world = TossWorld::new().await;
    let key = unheard(&world).await;
    let now = world.world.clock.now();
    for (change, status, code) in [
        (json!({"totalAmount": 1}), 409, "PAYMENT_MISMATCH"),
        (json!({"paymentKey": "another"}), 409, "PAYMENT_MISMATCH"),
        (json!({"orderId": "order-2"}), 404, "PAYMENT_UNKNOWN"),
        (json!({"orderId": "other-1"}), 404, "PAYMENT_UNKNOWN"),
        (json!({"orderId": "order-x"}), 404, "PAYMENT_UNKNOWN"),
        (json!({"status": "PAID_TWICE"}), 400, "WEBHOOK_MALFORMED"),
        (json!({"status": 1}), 400, "WEBHOOK_MALFORMED"),
        (json!({"totalAmount": "5000"}), 400, "WEBHOOK_MALFORMED"),
    ] {
        let body = told(&key, change.clone());
        let headers = headers("w-1", now, &body, KEY);
        let (answered, answer) = world.world.webhook("toss", &headers, &body).await;
        assert_eq!(
            (answered, &answer["code"]),
            (status, &json!(code)),
            "{change}"
        );
    }
    let refused = world.world.metrics.render(false, &[]);
    assert!(
        refused.contains("mall_payments_webhooks_total{outcome=\"refused\"} 8"),
        "{refused}"
    );
    let (answered, answer) = world.world.webhook("other", &HeaderMap::new(), b"{}").await;
    assert_eq!(
        (answered, &answer["code"]),
        (404, &json!("WEBHOOK_UNKNOWN"))
    );
    let huge = vec![b' '; 300 * 1024];
    let (answered, answer) = world.world.webhook("toss", &HeaderMap::new(), &huge).await;
    assert_eq!(
        (answered, &answer["code"]),
        (413, &json!("WEBHOOK_TOO_LARGE"))
    );
    assert_eq!(world.world.kept(1).await["state"], "UNKNOWN");
    assert_eq!(
        number(&world.world.db, "SELECT COUNT(*) FROM webhook_event").await,
        0
    );
}

/// Signed or not, the provider is asked: a webhook that tells what is not so changes nothing.
#[tokio::test]
async fn what_a_webhook_says_is_not_believed() {
    let world = TossWorld::new().await;
    let key = world.agree(1);
    world.toss.switch(|on| on.lose_requests = 1);
    world.pay(1, &key).await;
    let body = told(&key, json!({}));
    let headers = headers("w-1", world.world.clock.now(), &body, KEY);
    let (status, answer) = world.world.webhook("toss", &headers, &body).await;
    assert_eq!(
        (status, &answer["code"]),
        (503, &json!("PAYMENT_UNSETTLED"))
    );
    assert_eq!(world.world.kept(1).await["state"], "UNKNOWN");
    assert_eq!(world.moved(), (vec![], vec![]));
}

#[tokio::test]
async fn a_replay_is_refused_and_a_repetition_is_taken_quietly() {
    let world = TossWorld::new().await;
    let key = unheard(&world).await;
    let clock = &world.world.clock;
    let body = told(&key, json!({}));
    let first = headers("w-1", clock.now(), &body, KEY);
    assert_eq!(world.world.webhook("toss", &first, &body).await.0, 200);
    clock.advance(chrono::Duration::seconds(60));
    let attempts = world.world.attempts(1).await.len();
    // The very same message, also under another id, which nobody signs.
    let mut renamed = first.clone();
    let id = "tosspayments-webhook-transmission-id";
    renamed.insert(id, "w-2".parse().unwrap());
    for headers in [&first, &renamed] {
        let (status, answer) = world.world.webhook("toss", headers, &body).await;
        assert_eq!((status, &answer["code"]), (409, &json!("WEBHOOK_REPLAYED")));
    }
    // Sent again by Toss, since our 200 did not get through: signed anew.
    let again = headers("w-1", clock.now(), &body, KEY);
    assert_eq!(world.world.webhook("toss", &again, &body).await.0, 200);
    assert_eq!(
        world.world.attempts(1).await.len(),
        attempts,
        "nobody was asked again"
    );
    assert_eq!(world.moved(), (vec![5000], vec![]));
}

/// One that could not be seen to is let in again when it is sent again.
#[tokio::test]
async fn a_webhook_during_an_outage_is_seen_to_later() {
    let world = TossWorld::new().await;
    let key = unheard(&world).await;
    let clock = &world.world.clock;
    let body = told(&key, json!({}));
    world.toss.switch(|on| on.delay_ms = 5000);
    let first = headers("w-1", clock.now(), &body, KEY);
    assert_eq!(world.world.webhook("toss", &first, &body).await.0, 503);
    world.toss.switch(|on| on.delay_ms = 0);
    clock.advance(chrono::Duration::seconds(60));
    let again = headers("w-1", clock.now(), &body, KEY);
    assert_eq!(world.world.webhook("toss", &again, &body).await.0, 200);
    assert_eq!(world.world.kept(1).await["state"], "CAPTURED");
}

/// As Toss sends them about payments: without a signature. Let in when so set, and believed as little.
#[tokio::test]
async fn unsigned_webhooks_are_let_in_when_so_set() {
    let world = TossWorld::with(|config| {
        config.toss.webhook_signature = WebhookSignature::IfPresent;
        config.toss.webhook_key = None;
    })
    .await;
    let key = unheard(&world).await;
    let now = world.world.clock.now();
    let lie = told(&key, json!({"status": "CANCELED"}));
    let headers = headers("w-9", now, &lie, None);
    assert_eq!(world.world.webhook("toss", &headers, &lie).await.0, 200);
    assert_eq!(
        world.world.kept(1).await["state"],
        "CAPTURED",
        "asked, not believed"
    );
    let other = br#"{"eventType":"payout.changed","data":{}}"#;
    assert_eq!(world.world.webhook("toss", &headers, other).await.0, 200);
}

#[tokio::test]
async fn the_simulated_provider_sends_none() {
    let world = World::new().await;
    for provider in ["simulated", "toss"] {
        let (status, answer) = world.webhook(provider, &HeaderMap::new(), b"{}").await;
        assert_eq!((status, &answer["code"]), (404, &json!("WEBHOOK_UNKNOWN")));
    }
}

/// Two webhooks, the client and the job in the same moment: charged once, given back once.
#[tokio::test]
async fn all_at_once_is_once() {
    let world = TossWorld::with_webhooks().await;
    world.toss.switch(|on| {
        on.double_webhooks = true;
        on.lose_answers = 1;
    });
    let key = world.agree(1);
    tokio::join!(
        world.pay(1, &key),
        world.pay(1, &key),
        world.world.settle_after(16),
        world.pay(1, &key),
    );
    world.toss.notices_sent().await;
    assert_eq!(world.pay(1, &key).await["state"], "CAPTURED");
    assert_eq!(world.moved(), (vec![5000], vec![]));

    world.toss.switch(|on| on.lose_answers = 1);
    let refund = || world.world.refund(1, "order-1", 5000);
    tokio::join!(refund(), refund(), world.world.settle_after(16), refund());
    world.toss.notices_sent().await;
    world.world.settle_after(61).await;
    assert_eq!(refund().await.1["state"], "REFUNDED");
    assert_eq!(world.moved(), (vec![5000], vec![5000]));
    let contradictions = world.world.metrics.render(false, &[]);
    assert!(
        contradictions.contains("mall_payments_contradictions_total 0"),
        "{contradictions}"
    );
}
