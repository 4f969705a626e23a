//! Calls against small servers on the loopback interface, healthy and sick.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]

mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, Uri};
use mall_auth::{IDENTITY_HEADER, Identity, SERVICE_HEADER};
use mall_clock::Clock;
use mall_http_client::{BODY_LIMIT, Call, CallError, CallSettings};
use mall_problem::{Problem, Text};
use mall_resilience::{CircuitBreakerConfig, State};
use mall_types::{Role, UserId};
use serde_json::{Value, json};
use servers::{Rig, Server, dead, hits, keys, rig, rig_with};

const DEADLINE: Duration = Duration::from_secs(3);

async fn counting(status: StatusCode) -> (Server, Arc<servers::Hits>) {
    let counter = hits();
    let count = Arc::clone(&counter);
    let answer = move || {
        count.add();
        async move { (status, "{}") }
    };
    (
        Server::start(Router::new().fallback(any(answer))).await,
        counter,
    )
}

#[tokio::test]
async fn a_call_carries_who_calls_for_whom_and_how_long() {
    let echo = |headers: HeaderMap, uri: Uri, body: String| async move {
        let text = |name: &str| {
            headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        Json(json!({
            "uri": uri.to_string(), "body": body, "service": text(SERVICE_HEADER), "identity": text(IDENTITY_HEADER),
            "trace": text("traceparent"), "deadline": text("x-request-deadline-ms"), "type": text("content-type"),
        }))
    };
    let server = Server::start(Router::new().fallback(any(echo))).await;
    let rig = rig(&[&server.endpoint]);
    let now = rig.clock.now();
    let expires = chrono::DateTime::from_timestamp(now.timestamp() + 600, 0).unwrap();
    let identity = Identity {
        user: UserId(7),
        role: Role::User,
        session: "s".to_owned(),
        access_expires_at: expires,
    };
    let call = Call::post("Application-Product", "/internal/x")
        .query("ids", "1,2")
        .query("q", "a b&c")
        .identity(&identity);
    let answer = rig
        .client
        .call(
            call.json(&json!({"count": 1}))
                .deadline(Duration::from_secs(2)),
        )
        .await
        .unwrap();
    let seen: Value = answer.json().unwrap();
    assert_eq!(seen["uri"], "/internal/x?ids=1%2C2&q=a+b%26c");
    assert_eq!(
        (&seen["body"], &seen["type"]),
        (&json!(r#"{"count":1}"#), &json!("application/json"))
    );
    assert_eq!(
        keys()
            .verify_service(
                seen["service"].as_str().unwrap(),
                "application-product",
                now
            )
            .unwrap(),
        "tester"
    );
    assert_eq!(
        keys()
            .verify_identity(
                seen["identity"].as_str().unwrap(),
                "application-product",
                now
            )
            .unwrap(),
        identity
    );
    assert!(seen["trace"].as_str().unwrap().starts_with("00-"));
    let left: u64 = seen["deadline"].as_str().unwrap().parse().unwrap();
    assert!((1000..=2000).contains(&left));
}

#[tokio::test]
async fn a_dead_instance_costs_nothing_even_for_calls_that_must_not_repeat() {
    let (server, counter) = counting(StatusCode::OK).await;
    let rig = rig(&[&dead().await, &server.endpoint]);
    for _ in 0..30 {
        rig.client
            .call(Call::post("application-product", "/x"))
            .await
            .unwrap();
    }
    assert_eq!(counter.get(), 30);
    let picked = (0..50).filter_map(|_| rig.balancer.pick("application-product", &[]));
    assert!(
        picked
            .into_iter()
            .all(|pick| *pick.endpoint == server.endpoint),
        "the dead one is ejected"
    );
}

#[tokio::test]
async fn an_instance_that_dies_beside_another_does_not_open_the_breaker() {
    let (dying, died) = servers::hanging_up().await;
    let (server, _) = counting(StatusCode::OK).await;
    let settings = CallSettings {
        wait: Duration::from_millis(1),
        ..servers::settings()
    };
    // It opens after four failures; here not even one is counted.
    let rig = rig_with(&[&dying, &server.endpoint], settings, servers::breaker());
    while died.get() < 4 {
        let _ = rig
            .client
            .call(Call::post("application-product", "/x"))
            .await;
        let read = Call::get("application-product", "/x");
        rig.client.call(read).await.unwrap();
        let breaker = rig.breakers.get("application-product");
        assert_eq!(
            (breaker.state(), breaker.snapshot().failed_calls),
            (State::Closed, 0)
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn what_was_sent_is_repeated_only_when_that_changes_nothing() {
    let (endpoint, counter) = servers::hanging_up().await;
    let rig = rig_with(&[&endpoint], servers::settings(), servers::no_breaker());
    let post = rig
        .client
        .call(Call::post("application-product", "/x"))
        .await
        .unwrap_err();
    assert!(
        matches!(post, CallError::Transport { sent: true, .. }),
        "{post:?}"
    );
    assert!(post.may_have_happened());
    assert_eq!(counter.get(), 1);
    rig.client
        .call(Call::post("application-product", "/x").idempotent())
        .await
        .unwrap_err();
    assert_eq!(counter.get(), 1 + 3);
    rig.client
        .call(Call::get("application-product", "/x"))
        .await
        .unwrap_err();
    assert_eq!(counter.get(), 1 + 3 + 3);
}

#[tokio::test]
async fn a_refusal_does_not_hide_that_an_earlier_attempt_was_sent() {
    let (lost, _) = servers::hanging_up().await;
    let (refusing, refused) = counting(StatusCode::CONFLICT).await;
    let rig = rig_with(
        &[&lost, &refusing.endpoint],
        servers::settings(),
        servers::no_breaker(),
    );
    let (mut first, mut second) = (0, 0);
    while first == 0 || second == 0 {
        assert!(first + second < 200, "{first} first, {second} second");
        let before = refused.get();
        let call = Call::post("application-product", "/x").idempotent();
        let error = rig.client.call(call).await.unwrap_err();
        assert_eq!((refused.get() - before, error.status()), (1, Some(409)));
        // Whether the other instance had it first shows in the refusal.
        if error.may_have_happened() {
            second += 1
        } else {
            first += 1
        }
    }
}

#[tokio::test]
async fn a_breaker_that_opens_between_attempts_does_not_hide_that_one_was_sent() {
    let (endpoint, counter) = servers::hanging_up().await;
    let rig = rig(&[&endpoint]);
    for _ in 0..2 {
        rig.client
            .call(Call::post("application-product", "/x"))
            .await
            .unwrap_err();
    }
    let error = rig
        .client
        .call(Call::get("application-product", "/x"))
        .await
        .unwrap_err();
    assert_eq!(
        (
            counter.get(),
            rig.breakers.get("application-product").state()
        ),
        (4, State::Open)
    );
    assert!(error.may_have_happened(), "{error:?}");
}

#[tokio::test]
async fn the_breaker_opens_refuses_without_calling_and_recovers() {
    let status = Arc::new(AtomicU16::new(500));
    let counter = hits();
    let (answer, count) = (Arc::clone(&status), Arc::clone(&counter));
    let handler = move || {
        count.add();
        let status = StatusCode::from_u16(answer.load(Ordering::SeqCst)).unwrap();
        async move { status }
    };
    let server = Server::start(Router::new().fallback(get(handler))).await;
    let rig = rig(&[&server.endpoint]);
    let call = || {
        rig.client
            .call(Call::get("application-product", "/x").breaker("productServiceCircuitBreaker"))
    };
    for _ in 0..4 {
        assert_eq!(call().await.unwrap_err().status(), Some(500));
    }
    let breaker = rig.breakers.get("productServiceCircuitBreaker");
    assert_eq!(breaker.state(), State::Open);
    let before = counter.get();
    let refused = call().await.unwrap_err();
    assert!(
        matches!(refused, CallError::Open { .. }) && !refused.may_have_happened(),
        "{refused:?}"
    );
    assert_eq!(counter.get(), before, "nothing was sent");
    status.store(200, Ordering::SeqCst);
    let begun = Instant::now();
    while breaker.state() != State::Closed {
        assert!(begun.elapsed() < Duration::from_secs(5), "{breaker:?}");
        let _ = call().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    call().await.unwrap();
}

#[tokio::test]
async fn a_refusal_passes_through_once_and_never_opens_the_breaker() {
    let counter = hits();
    let count = Arc::clone(&counter);
    let sold_out = move || {
        count.add();
        async {
            Problem::conflict("SOLD_OUT", Text::new("품절", "sold out"))
                .with_extra("productId", 7)
                .into_response()
        }
    };
    let server = Server::start(Router::new().fallback(any(sold_out))).await;
    let rig = rig(&[&server.endpoint]);
    for _ in 0..20 {
        let error = rig
            .client
            .call(Call::put("application-product", "/x"))
            .await
            .unwrap_err();
        assert!(error.is_definite_refusal());
        assert_eq!(error.code(), Some("SOLD_OUT"));
        let problem = Problem::from(error);
        assert_eq!(
            (problem.kind().status(), &problem.extra()["productId"]),
            (StatusCode::CONFLICT, &json!(7))
        );
    }
    assert_eq!(counter.get(), 20, "a refusal is not retried");
    assert_eq!(
        rig.breakers.get("application-product").state(),
        State::Closed
    );
}

#[tokio::test]
async fn a_frozen_service_costs_no_more_than_the_deadline() {
    let (endpoint, counter) = servers::silent().await;
    let rig = rig(&[&endpoint]);
    for call in [
        Call::get("application-product", "/x"),
        Call::post("application-product", "/x"),
    ] {
        let begun = Instant::now();
        let error = rig
            .client
            .call(call.deadline(Duration::from_millis(300)))
            .await
            .unwrap_err();
        assert!(
            matches!(error, CallError::Timeout { sent: true, .. }),
            "{error:?}"
        );
        let took = begun.elapsed();
        assert!(
            (Duration::from_millis(250)..Duration::from_millis(900)).contains(&took),
            "{took:?}"
        );
    }
    assert_eq!(counter.get(), 2);
}

#[tokio::test]
async fn a_read_leaves_time_for_another_instance() {
    let (frozen, _) = servers::silent().await;
    let (server, _) = counting(StatusCode::OK).await;
    let rig = rig(&[&frozen, &server.endpoint]);
    for _ in 0..8 {
        rig.client
            .call(Call::get("application-product", "/x").deadline(Duration::from_millis(600)))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_address_that_swallows_packets_is_given_up_at_the_connect_timeout() {
    let (server, _) = counting(StatusCode::OK).await;
    let (stuck, _guard) = servers::full_backlog().await;
    let settings = CallSettings {
        connect_timeout: Duration::from_millis(200),
        ..servers::settings()
    };
    let rig = rig_with(&[&stuck, &server.endpoint], settings, servers::breaker());
    let begun = Instant::now();
    for _ in 0..10 {
        rig.client
            .call(Call::post("application-product", "/x"))
            .await
            .unwrap();
    }
    assert!(begun.elapsed() < DEADLINE, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_instance_that_is_leaving_is_passed_over() {
    let (leaving, left) = counting(StatusCode::SERVICE_UNAVAILABLE).await;
    let (server, _) = counting(StatusCode::OK).await;
    let both = rig(&[&leaving.endpoint, &server.endpoint]);
    for _ in 0..4 {
        both.client
            .call(Call::get("application-product", "/x"))
            .await
            .unwrap();
    }
    let before = left.get();
    let alone = rig(&[&leaving.endpoint]);
    let error = alone
        .client
        .call(Call::get("application-product", "/x"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.status(), left.get()),
        (Some(503), before + 1),
        "asking the same one again is no use"
    );
}

#[tokio::test]
async fn retries_are_a_share_of_the_calls() {
    let (endpoint, counter) = servers::hanging_up().await;
    let settings = CallSettings {
        wait: Duration::from_millis(1),
        ..servers::settings()
    };
    let rig = rig_with(&[&endpoint], settings, servers::no_breaker());
    for _ in 0..100 {
        rig.client
            .call(Call::get("application-product", "/x"))
            .await
            .unwrap_err();
    }
    let retries = counter.get() - 100;
    // Ten in reserve, a fifth of the calls, and one per second that the test takes.
    assert!((25..45).contains(&retries), "{retries} retries");
}

#[tokio::test]
async fn a_dropped_call_gives_everything_back() {
    let (endpoint, counter) = servers::silent().await;
    let config = CircuitBreakerConfig {
        permitted_number_of_calls_in_half_open_state: 1,
        ..servers::breaker()
    };
    let rig = rig_with(&[&endpoint], servers::settings(), config);
    let breaker = rig.breakers.get("application-product");
    breaker.transition_to(State::HalfOpen);
    for round in 1..=3 {
        let call = rig.client.call(Call::get("application-product", "/x"));
        tokio::select! {
            outcome = call => panic!("{outcome:?}"),
            () = counter.reaches(round) => {}
        }
        assert_eq!(breaker.state(), State::HalfOpen);
    }
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    let rig = rig(&[]);
    let begun = Instant::now();
    let error = rig
        .client
        .call(Call::get("application-product", "/x"))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::NoInstance { .. }));
    assert!(begun.elapsed() < Duration::from_millis(100));
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_refused() {
    let huge = || async { vec![b' '; BODY_LIMIT + 1] };
    let server = Server::start(
        Router::new()
            .route("/huge", get(huge))
            .route("/odd", get(|| async { "no json" })),
    )
    .await;
    let rig = rig(&[&server.endpoint]);
    let error = rig
        .client
        .call(Call::get("application-product", "/huge"))
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Decode { .. }), "{error:?}");
    let odd = rig
        .client
        .call(Call::get("application-product", "/odd"))
        .await
        .unwrap();
    assert!(matches!(odd.json::<Value>(), Err(CallError::Decode { .. })));
}

#[tokio::test]
async fn connections_are_kept_and_calls_are_counted() {
    let server = Server::start(Router::new().fallback(any(|| async { "{}" }))).await;
    let rig: Rig = rig(&[&server.endpoint]);
    for _ in 0..20 {
        rig.client
            .call(Call::get("application-product", "/x"))
            .await
            .unwrap();
    }
    assert_eq!(server.connections.get(), 1);
    let text = rig
        .metrics
        .render(false, &["mall_client_requests_seconds_count".to_owned()]);
    let expected = r#"mall_client_requests_seconds_count{method="GET",outcome="SUCCESS",service="application-product"} 20.0"#;
    assert_eq!(text.lines().last(), Some(expected));
}
