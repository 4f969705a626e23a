//! What a provider must keep, shown on the simulated one; and what it plays.

use mall_payments::{
    Charge, Found, GiveBack, Provider, ProviderName, Providers, Simulated, SimulatedConfig, Verdict,
};
use mall_payments_api::Simulate;
use mall_types::{OrderId, UserId, Won};
use serde_json::json;
use std::sync::Arc;

use crate::support::{World, config, pay, simulated};
use http::Method;
use mall_clock::MockClock;
use mall_fault_points::FaultPoints;

fn charge(key: &str, limit_exceeded: bool) -> Charge {
    Charge {
        key: key.into(),
        order: OrderId(1),
        user: UserId(7),
        amount: Won(5000),
        payment_key: None,
        first: true,
        simulate: Simulate {
            limit_exceeded,
            ..Simulate::default()
        },
    }
}

fn give_back(charge_key: &str, key: &str) -> GiveBack {
    GiveBack {
        charge: charge(charge_key, false),
        reference: None,
        key: key.into(),
        amount: Won(5000),
        first: true,
    }
}

#[tokio::test]
async fn a_key_charges_once_and_gives_back_once() {
    let world = World::new().await;
    let provider = Simulated::new(world.db.clone(), world.clock.clone(), simulated());
    let captured = Verdict::Captured(None);
    let (one, other) = (charge("a", false), charge("a", true));
    assert_eq!(provider.find(&one).await, Ok(Found::Nothing));
    assert_eq!(provider.charge(&one).await, Ok(captured.clone()));
    assert_eq!(provider.charge(&other).await, Ok(captured.clone()));
    assert_eq!(provider.find(&one).await, Ok(Found::Settled(captured)));
    assert_eq!(
        provider.charge(&charge("b", true)).await,
        Ok(Verdict::Declined("LIMIT_EXCEEDED".into()))
    );
    assert_eq!(provider.find_back(&give_back("a", "r1")).await, Ok(false));
    assert_eq!(provider.give_back(&give_back("a", "r1")).await, Ok(()));
    assert_eq!(provider.find_back(&give_back("a", "r1")).await, Ok(true));
    assert_eq!(provider.give_back(&give_back("a", "r1")).await, Ok(()));
    assert!(provider.give_back(&give_back("a", "r2")).await.is_err());
    assert!(
        provider.give_back(&give_back("b", "r1")).await.is_err(),
        "a declined charge has nothing to give back"
    );
    assert!(provider.give_back(&give_back("c", "r1")).await.is_err());
    assert_eq!(world.books().await, (2, 5000, 5000));
}

async fn weather(weather: SimulatedConfig) -> World {
    let mut config = config(ProviderName::Simulated);
    config.simulated = weather;
    let clock = MockClock::at("2024-05-01T10:00:00+09:00");
    World::build(clock, config, FaultPoints::default(), |db, clock| {
        Providers::new(Arc::new(Simulated::new(db, clock, weather)))
    })
    .await
}

/// `simulate` of a call loses the first charge and the first refund, and no later one.
#[tokio::test]
async fn a_call_may_wish_for_a_loss() {
    for (lose, state, charged) in [("REQUEST", "UNKNOWN", 0), ("ANSWER", "UNKNOWN", 5000)] {
        let world = weather(simulated()).await;
        let mut body = pay(1, 5000, false);
        body["simulate"] = json!({"limitExceeded": false, "lose": lose, "delayMs": 20});
        let call = || world.call(Method::POST, "/internal/payments", Some(body.clone()));
        assert_eq!(call().await.1["state"], state, "{lose}");
        assert_eq!(world.books().await.1, charged, "{lose}");
        assert_eq!(call().await.1["state"], "CAPTURED", "{lose}");
        let refund = || world.refund(1, "order-1", 5000);
        assert_eq!(refund().await.1["state"], "UNKNOWN", "{lose}");
        assert_eq!(refund().await.1["state"], "REFUNDED", "{lose}");
        assert_eq!(world.books().await, (1, 5000, 5000), "{lose}");
    }
}

/// What any shopper can send is obeyed only where the settings say so; a limit that is exceeded always is.
#[tokio::test]
async fn wishes_are_ignored_unless_allowed() {
    let strict = SimulatedConfig {
        obey_calls: false,
        ..simulated()
    };
    let world = weather(strict).await;
    for (order, lose, limit, state) in [
        (1, "REQUEST", false, "CAPTURED"),
        (2, "ANSWER", false, "CAPTURED"),
        (3, "ANSWER", true, "DECLINED"),
    ] {
        let mut body = pay(order, 5000, false);
        // Longer than payments waits for its provider.
        body["simulate"] = json!({"limitExceeded": limit, "lose": lose, "delayMs": 10_000});
        let answer = world.call(Method::POST, "/internal/payments", Some(body));
        assert_eq!(answer.await.1["state"], state, "{lose}");
    }
    let refunded = world.refund(1, "order-1", 5000).await;
    assert_eq!(refunded.1["state"], "REFUNDED");
}

/// Settings lose every so many-th call; asking again finds it all out, and nothing moves twice.
#[tokio::test]
async fn settings_may_lose_things() {
    let lossy = SimulatedConfig {
        lose_request_every: 3,
        lose_answer_every: 2,
        ..simulated()
    };
    let world = weather(lossy).await;
    for order in 1..=8 {
        world.pay(order, false).await;
    }
    for order in 1..=8 {
        let mut tries = 0;
        while world.pay(order, false).await["state"] == "UNKNOWN" {
            tries += 1;
            assert!(tries < 10, "order {order} is never known");
        }
    }
    assert_eq!(world.books().await, (8, 40_000, 0));
}
