//! Methods, browsers of other origins, HEAD.

use crate::support::{Instance, Setup};
use serde_json::json;

#[tokio::test]
async fn unknown_verbs_are_405_everywhere() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    for method in ["TRACE", "TRACK", "PROPFIND", "DEBUG", "get"] {
        for path in ["/product/allproduct", "/cart/getCart", "/nope", "/"] {
            let answer = gateway.call(method, path, &[], "").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.code(), "METHOD_NOT_ALLOWED");
            assert!(answer.headers["allow"].to_str().unwrap().contains("GET"));
        }
    }
    let text = gateway
        .raw(b"CONNECT mall:80 HTTP/1.1\r\nHost: mall\r\n\r\n")
        .await;
    assert!(
        text.starts_with("HTTP/1.1 405") || text.starts_with("HTTP/1.1 404"),
        "{text}"
    );
    assert_eq!(instance.count(), 0);
}

#[tokio::test]
async fn a_preflight_is_refused_and_a_plain_options_passed_on() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
    ];
    let answer = gateway.call("OPTIONS", "/auth/login", &preflight, "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (403, "CORS_REFUSED")
    );
    assert_eq!(instance.count(), 0);
    let answer = gateway.call("OPTIONS", "/auth/login", &[], "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["method"], "OPTIONS");
    let plain = gateway
        .call(
            "GET",
            "/product/x",
            &[("origin", "https://shop.example")],
            "",
        )
        .await;
    assert_eq!(plain.status, 200);
    assert!(!plain.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_listed_origin_may_call() {
    let instance = Instance::start().await;
    let cors = json!({ "allowed-origins": ["https://shop.example"] });
    let gateway = Setup::new(&instance).with("cors", cors).start().await;
    let preflight = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization"),
    ];
    let answer = gateway
        .call("OPTIONS", "/cart/getCart", &preflight, "")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.headers["access-control-allow-origin"],
        "https://shop.example"
    );
    assert_eq!(
        answer.headers["access-control-allow-headers"],
        "authorization"
    );
    assert_eq!(instance.count(), 0);
    let refused = gateway
        .call(
            "GET",
            "/cart/getCart",
            &[("origin", "https://shop.example")],
            "",
        )
        .await;
    assert_eq!(refused.status, 401);
    assert_eq!(
        refused.headers["access-control-allow-origin"],
        "https://shop.example"
    );
    let other = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "PUT"),
    ];
    assert_eq!(
        gateway
            .call("OPTIONS", "/cart/getCart", &other, "")
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let text = gateway
        .raw(b"HEAD /product/large HTTP/1.1\r\nHost: mall\r\nConnection: close\r\n\r\n")
        .await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.ends_with("\r\n\r\n"), "a body came along");
    let text = gateway
        .raw(b"HEAD /nope HTTP/1.1\r\nHost: mall\r\nConnection: close\r\n\r\n")
        .await;
    assert!(
        text.starts_with("HTTP/1.1 404") && text.ends_with("\r\n\r\n"),
        "{text}"
    );
}

#[tokio::test]
async fn the_actuator_shows_what_a_public_port_may_show() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    for (path, status) in [
        ("/actuator/info", 200),
        ("/actuator/prometheus", 200),
        ("/actuator/metrics", 404),
        ("/actuator/circuitbreakers", 404),
        ("/actuator/env", 404),
        ("/actuator/heapdump", 404),
        ("/actuator/gateway/routes", 404),
        ("/actuator/%68ealth", 404),
        ("/actuator/..;/cart/getCart", 400),
    ] {
        assert_eq!(gateway.raw_path(path, None).await, status, "{path}");
    }
    let health = gateway.get("/actuator/health").await;
    assert!(health.json()["status"].is_string());
    assert!(
        health.json().get("components").is_none(),
        "no details outside"
    );
    assert_eq!(instance.count(), 0);
}

#[tokio::test]
async fn refusals_speak_the_caller_s_language() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let english = gateway
        .call("GET", "/nope", &[("accept-language", "en")], "")
        .await
        .json();
    assert_eq!(english["detail"], "There is nothing at this address.");
    assert_ne!(
        gateway.get("/nope").await.json()["detail"],
        english["detail"]
    );
}
