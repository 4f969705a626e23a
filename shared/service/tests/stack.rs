//! The layers around every router, from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]
use axum::Json;
use axum::Router;
use axum::body::Body as HttpBody;
use axum::routing::{get, post};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use mall_auth::{Identity, InternalKeys, PeerService, Shopper};
use mall_clock::{Clock, MockClock};
use mall_problem::{Answer, Body, Problem, Text};
use mall_service::Stack;
use mall_telemetry::metrics::Metrics;
use mall_types::{Role, UserId};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

fn keys(fill: &str) -> InternalKeys {
    InternalKeys::new(&SecretString::from(fill.repeat(32))).unwrap()
}

fn clock() -> Arc<MockClock> {
    MockClock::at("2026-05-01T10:00:00+09:00")
}

fn router() -> Router {
    let routes = Router::new()
        .route(
            "/me",
            get(|Shopper(me): Shopper| async move { Json(json!({"user": me.user})) }),
        )
        .route(
            "/internal/peer",
            get(|PeerService(name): PeerService| async move { name }),
        )
        .route(
            "/echo",
            post(|Body(value): Body<Value>| async move { Json(value) }),
        )
        .route("/refuse", get(refuse))
        .route("/panic", get(panic));
    let stack = Stack {
        name: "test",
        keys: Some(keys("k")),
        clock: clock(),
        metrics: Metrics::new(),
        body_limit: 1000,
    };
    stack.around(routes)
}

async fn refuse() -> Answer<()> {
    Err(Problem::conflict("SOLD_OUT", Text::new("품절", "sold out")).caused_by("an inner cause"))
}

async fn panic() -> axum::response::Response {
    std::hint::black_box(None::<axum::response::Response>).expect("on purpose")
}

async fn ask(request: http::request::Builder, body: &str) -> (StatusCode, http::HeaderMap, String) {
    let response = router()
        .oneshot(request.body(HttpBody::from(body.to_owned())).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (
        parts.status,
        parts.headers,
        String::from_utf8(bytes.to_vec()).unwrap(),
    )
}

fn identity() -> Identity {
    let expires = clock().now() + chrono::Duration::hours(1);
    Identity {
        user: UserId(7),
        role: Role::User,
        session: "s".into(),
        access_expires_at: expires,
    }
}

#[tokio::test]
async fn only_the_gateways_signed_word_makes_somebody() {
    let good = keys("k").sign_identity(&identity(), "test", clock().now());
    let forged = keys("x").sign_identity(&identity(), "test", clock().now());
    let service = keys("k").sign_service("application-order", "test", clock().now());
    let (status, _, body) = ask(Request::get("/me").header("x-mall-identity", &good), "").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, r#"{"user":7}"#));
    for request in [
        Request::get("/me"),
        Request::get("/me").header("x-mall-identity", &forged),
        Request::get("/me").header("x-mall-identity", &service),
        Request::get("/me")
            .header("x-mall-identity", &good)
            .header("x-mall-identity", &good),
        Request::get("/me").header("x-authorization-id", "7"),
    ] {
        let (status, headers, body) = ask(request, "").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert_eq!(headers["www-authenticate"], "Bearer");
        assert!(body.contains("UNAUTHENTICATED"), "{body}");
    }
}

#[tokio::test]
async fn a_statement_for_another_service_is_not_believed() {
    let elsewhere = keys("k").sign_identity(&identity(), "application-order", clock().now());
    let (status, ..) = ask(
        Request::get("/me").header("x-mall-identity", &elsewhere),
        "",
    )
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let elsewhere = keys("k").sign_service("application-order", "other", clock().now());
    let request = Request::get("/internal/peer").header("x-mall-service", &elsewhere);
    assert_eq!(ask(request, "").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_begun() {
    let good = keys("k").sign_identity(&identity(), "test", clock().now());
    for (left, wanted) in [("0", 503), ("60000", 200), ("soon", 200)] {
        let request = Request::get("/me")
            .header("x-mall-identity", &good)
            .header("x-request-deadline-ms", left);
        let (status, headers, body) = ask(request, "").await;
        assert_eq!(status, wanted, "{left}: {body}");
        if wanted == 503 {
            assert!(body.contains("DEADLINE_PASSED"), "{body}");
            assert_eq!(headers["retry-after"], "1");
        }
    }
}

#[tokio::test]
async fn internal_paths_are_for_services_alone() {
    let good = keys("k").sign_service("application-order", "test", clock().now());
    let (status, _, body) = ask(
        Request::get("/internal/peer").header("x-mall-service", &good),
        "",
    )
    .await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::OK, "application-order")
    );
    let person = keys("k").sign_identity(&identity(), "test", clock().now());
    for request in [
        Request::get("/internal/peer"),
        Request::get("/internal/nothing"),
        Request::get("/internal"),
        Request::get("/internal/peer").header("x-mall-service", "application-order"),
        Request::get("/internal/peer").header("x-mall-identity", &person),
        Request::get("/internal/peer").header("x-mall-service", &person),
    ] {
        assert_eq!(ask(request, "").await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn problems_speak_the_language_of_the_request_and_keep_their_cause() {
    let (status, headers, body) = ask(Request::get("/refuse"), "").await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(headers["content-type"], "application/problem+json");
    assert!(body.contains("품절") && !body.contains("inner"), "{body}");
    let (_, _, body) = ask(Request::get("/refuse").header("accept-language", "en"), "").await;
    assert!(body.contains("sold out"), "{body}");
}

#[tokio::test]
async fn every_miss_is_a_problem() {
    let (status, headers, body) =
        ask(Request::get("/nope").header("accept-language", "en"), "").await;
    assert_eq!(
        (status, headers["content-type"].to_str().unwrap()),
        (StatusCode::NOT_FOUND, "application/problem+json")
    );
    assert!(body.contains("NOT_FOUND"), "{body}");

    let (status, headers, body) = ask(Request::get("/echo"), "").await;
    assert_eq!(
        (status, headers["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    assert!(body.contains("METHOD_NOT_ALLOWED"), "{body}");

    let (status, headers, _) = ask(Request::options("/echo"), "").await;
    assert_eq!(
        (status, headers["allow"].to_str().unwrap()),
        (StatusCode::OK, "POST,OPTIONS")
    );

    let (status, headers, _) = ask(
        Request::post("/echo").header("content-type", "text/plain"),
        "{}",
    )
    .await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(
        headers["accept"]
            .to_str()
            .unwrap()
            .contains("application/json")
    );

    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(2000));
    let (status, headers, body) = ask(
        Request::post("/echo").header("content-type", "application/json"),
        &large,
    )
    .await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{body}");
    assert_eq!(headers["content-type"], "application/problem+json");

    let (status, _, body) = ask(Request::get("/panic"), "").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        body.contains("INTERNAL") && !body.contains("on purpose"),
        "{body}"
    );
}
