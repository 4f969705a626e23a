//! The adapter `toss` against a simulator of Toss's API, over HTTP, and audited against the simulator's own ledger.

use futures_util::future::join_all;
use http::Method;
use mall_payments::{Charge, Found, Provider, ProviderName, Toss};
use mall_payments_api::Simulate;
use mall_service::Span;
use mall_types::{OrderId, UserId, Won};
use serde_json::json;

use crate::support::{TossWorld, config, number, pay};

/// Kind, outcome and code of the provider's calls.
async fn attempts(world: &TossWorld, order: i64) -> Vec<(String, String, String)> {
    let attempts = world.world.attempts(order).await.into_iter();
    attempts
        .map(|(kind, _, outcome, code)| (kind, outcome, code))
        .collect()
}

#[tokio::test]
async fn a_payment_is_confirmed_once() {
    let world = TossWorld::new().await;
    let key = world.agree(1);
    let first = world.pay(1, &key).await;
    assert_eq!(
        (&first["state"], &first["amount"]),
        (&json!("CAPTURED"), &json!(5000))
    );
    assert_eq!(world.pay(1, &key).await, first);
    assert_eq!(world.moved(), (vec![5000], vec![]));
    let kept = world.world.kept(1).await;
    assert_eq!(kept["provider"], "toss");
    assert_eq!(kept["providerReference"], json!(key));
    assert_eq!(world.toss.ledger().payments[&key].status, "DONE");
}

#[tokio::test]
async fn a_decline_is_for_good() {
    let world = TossWorld::new().await;
    let key = world
        .toss
        .agree("order-1", 5000, Some("REJECT_CARD_PAYMENT"));
    let answer = world.pay(1, &key).await;
    assert_eq!(
        (&answer["state"], &answer["reason"]),
        (&json!("DECLINED"), &json!("REJECT_CARD_PAYMENT"))
    );
    assert_eq!(world.pay(1, &key).await, answer);
    assert_eq!(world.moved(), (vec![], vec![]));
}

#[tokio::test]
async fn without_a_key_nothing_begins() {
    let world = TossWorld::new().await;
    for key in [
        None,
        Some(""),
        Some("../../secret"),
        Some("a b"),
        Some(&*"x".repeat(201)),
    ] {
        let mut body = pay(1, 5000, false);
        body["paymentKey"] = json!(key);
        let (status, answer) = world
            .world
            .call(Method::POST, "/internal/payments", Some(body))
            .await;
        assert_eq!(
            (status, &answer["code"]),
            (400, &json!("PAYMENT_KEY_REQUIRED")),
            "{key:?}"
        );
        assert!(answer["errors"]["paymentKey"].is_string());
    }
    assert_eq!(world.world.payment(1).await.0, 404);
    let key = world.agree(1);
    assert_eq!(world.pay(1, &key).await["state"], "CAPTURED");
    // Whoever asks again needs none.
    assert_eq!(world.world.pay(1, false).await["state"], "CAPTURED");
}

#[tokio::test]
async fn a_key_pays_one_order() {
    let world = TossWorld::new().await;
    let key = world.agree(1);
    world.pay(1, &key).await;
    let (status, answer) = world.world.pay_by_key(2, 5000, &key).await;
    assert_eq!((status, &answer["code"]), (409, &json!("PAYMENT_KEY_USED")));
    assert_eq!(
        world.world.payment(2).await.0,
        404,
        "nothing is left behind"
    );
    // Nor does another key change the first order's.
    let other = world.agree(1);
    let (status, answer) = world.world.pay_by_key(1, 5000, &other).await;
    assert_eq!((status, &answer["code"]), (409, &json!("PAYMENT_MISMATCH")));
    assert_eq!(world.moved(), (vec![5000], vec![]));
}

#[tokio::test]
async fn somebody_elses_payment_pays_nothing() {
    let world = TossWorld::new().await;
    // Agreed to for order 9, tried with order 1.
    let key = world.agree(9);
    let answer = world.pay(1, &key).await;
    assert_eq!(
        (&answer["state"], &answer["reason"]),
        (&json!("DECLINED"), &json!("PAYMENT_KEY_OF_ANOTHER_ORDER"))
    );
    assert_eq!(world.moved(), (vec![], vec![]));
}

#[tokio::test]
async fn another_amount_than_was_agreed_to_is_not_taken() {
    let world = TossWorld::new().await;
    let key = world.toss.agree("order-1", 100, None);
    let answer = world.pay(1, &key).await;
    assert_eq!(
        (&answer["state"], &answer["reason"]),
        (&json!("DECLINED"), &json!("INVALID_REQUEST"))
    );
    let unknown = world.pay(2, "never_seen").await;
    assert_eq!(unknown["reason"], "NOT_FOUND_PAYMENT");
    assert_eq!(world.moved(), (vec![], vec![]));
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_not_charged_again() {
    let world = TossWorld::new().await;
    let key = world.agree(1);
    world.toss.switch(|on| on.lose_answers = 1);
    assert_eq!(world.pay(1, &key).await["state"], "UNKNOWN");
    world.world.settle_after(16).await;
    assert_eq!(world.world.kept(1).await["state"], "CAPTURED");
    assert_eq!(world.moved(), (vec![5000], vec![]));
    let made = attempts(&world, 1).await;
    assert_eq!(made[0].1, "UNKNOWN");
    assert_eq!(made[0].2, "UNREACHABLE");
}

#[tokio::test]
async fn a_lost_request_is_repeated_under_the_same_key() {
    let world = TossWorld::new().await;
    let key = world.agree(1);
    world.toss.switch(|on| on.lose_requests = 1);
    assert_eq!(world.pay(1, &key).await["state"], "UNKNOWN");
    assert_eq!(world.moved(), (vec![], vec![]));
    assert_eq!(world.pay(1, &key).await["state"], "CAPTURED");
    assert_eq!(world.moved(), (vec![5000], vec![]));
    let made = attempts(&world, 1).await;
    let kinds: Vec<_> = made
        .iter()
        .map(|(kind, outcome, _)| (&**kind, &**outcome))
        .collect();
    assert_eq!(
        kinds,
        [
            ("CHARGE", "UNKNOWN"),
            ("FIND", "OPEN"),
            ("CHARGE", "CAPTURED")
        ]
    );
}

/// Toss keeps the 500's cause to itself; what it shows of the payment decides, at once.
#[tokio::test]
async fn an_internal_error_is_looked_into() {
    let world = TossWorld::new().await;
    let key = world.agree(1);
    world.toss.switch(|on| on.fail_after = 1);
    assert_eq!(world.pay(1, &key).await["state"], "CAPTURED");
    assert_eq!(world.moved(), (vec![5000], vec![]));

    let key = world.agree(2);
    world.toss.switch(|on| on.fail_before = 1);
    assert_eq!(world.pay(2, &key).await["state"], "UNKNOWN");
    assert_eq!(
        world.world.kept(2).await["reason"],
        "FAILED_INTERNAL_SYSTEM_PROCESSING"
    );
    assert_eq!(world.pay(2, &key).await["state"], "CAPTURED");
    assert_eq!(world.moved(), (vec![5000, 5000], vec![]));
}

/// A temporary error that comes again under its key for days: nothing is taken, and after ten minutes Toss says so.
#[tokio::test]
async fn an_agreement_that_can_not_be_confirmed_ends() {
    let world = TossWorld::new().await;
    let key = world.toss.agree("order-1", 5000, None);
    world.toss.switch(|on| on.lose_requests = 1);
    assert_eq!(world.pay(1, &key).await["state"], "UNKNOWN");
    world.world.settle_after(16).await;
    assert_eq!(world.world.kept(1).await["reason"], "OPEN");
    world.world.settle_after(601).await;
    let kept = world.world.kept(1).await;
    assert_eq!(
        (&kept["state"], &kept["reason"]),
        (&json!("DECLINED"), &json!("EXPIRED_PAYMENT"))
    );
    assert_eq!(world.moved(), (vec![], vec![]));
}

#[tokio::test]
async fn a_slow_provider_is_not_waited_for() {
    let world = TossWorld::with(|config| config.toss.timeout = Span::millis(200)).await;
    let key = world.agree(1);
    world.toss.switch(|on| on.delay_ms = 3000);
    assert_eq!(world.pay(1, &key).await["state"], "UNKNOWN");
    world.toss.switch(|on| on.delay_ms = 0);
    assert_eq!(world.pay(1, &key).await["state"], "CAPTURED");
    assert_eq!(world.moved(), (vec![5000], vec![]));
}

#[tokio::test]
async fn twins_charge_once() {
    let world = TossWorld::new().await;
    let key = world.agree(1);
    let answers = join_all((0..20).map(|_| world.pay(1, &key))).await;
    assert!(
        answers.iter().all(|answer| answer["state"] == "CAPTURED"),
        "{answers:?}"
    );
    assert_eq!(world.moved(), (vec![5000], vec![]));
}

/// A crowd over a bad line: in the end each order is charged exactly once, or not at all and declined.
#[tokio::test]
async fn the_ledgers_agree_after_bad_weather() {
    let world = TossWorld::with_webhooks().await;
    let decline = |order: i64| (order % 7 == 0).then_some("REJECT_CARD_PAYMENT");
    let keys: Vec<(i64, String)> = (1..=40)
        .map(|order| {
            let id = format!("order-{order}");
            (order, world.toss.agree(&id, 5000, decline(order)))
        })
        .collect();
    world.toss.switch(|on| {
        on.lose_answers = 10;
        on.lose_requests = 10;
        on.fail_before = 5;
        on.fail_after = 5;
        on.double_webhooks = true;
    });
    join_all(keys.iter().map(|(order, key)| world.pay(*order, key))).await;
    let repeated = join_all(keys.iter().map(|(order, key)| world.pay(*order, key)));
    repeated.await;
    let settled = join_all(keys.iter().map(|(order, key)| world.pay(*order, key))).await;
    assert!(
        settled.iter().all(|answer| answer["state"] != "UNKNOWN"),
        "{settled:?}"
    );
    world.toss.notices_sent().await;
    let mut charged: Vec<String> = world
        .toss
        .ledger()
        .movements
        .into_iter()
        .map(|moved| moved.order_id)
        .collect();
    charged.sort();
    let mut expected: Vec<String> = (1..=40)
        .filter(|order| decline(*order).is_none())
        .map(|order| format!("order-{order}"))
        .collect();
    expected.sort();
    assert_eq!(charged, expected);
    let captured = "SELECT COUNT(*) FROM payment WHERE state = 'CAPTURED'";
    assert_eq!(
        number(&world.world.db, captured).await,
        expected.len() as i64
    );
}

#[tokio::test]
async fn a_wrong_secret_key_declines_nobody() {
    let world =
        TossWorld::with(|config| config.toss.secret_key = Some("test_sk_wrong".into())).await;
    let key = world.agree(1);
    assert_eq!(world.pay(1, &key).await["state"], "UNKNOWN");
    assert_eq!(world.world.kept(1).await["reason"], "UNAUTHORIZED_KEY");
    assert_eq!(world.moved(), (vec![], vec![]));
}

/// The adapter by itself, where nobody listens: nothing is known, and nothing hangs.
#[tokio::test]
async fn a_provider_that_is_away_is_unknown() {
    let toss = Toss::new(&config(ProviderName::Toss).toss).unwrap();
    let charge = Charge {
        key: "k".into(),
        order: OrderId(1),
        user: UserId(7),
        amount: Won(5000),
        payment_key: Some("p".into()),
        first: true,
        simulate: Simulate::default(),
    };
    assert_eq!(toss.charge(&charge).await.unwrap_err().code, "UNREACHABLE");
    let found: Result<Found, _> = toss.find(&charge).await;
    assert_eq!(found.unwrap_err().code, "UNREACHABLE");
}
