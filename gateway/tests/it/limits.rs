//! How much, how often, how long.

use crate::support::{Instance, Setup};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_reaches_nobody() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    assert_eq!(
        gateway
            .call("POST", "/auth/x", &[], vec![b'x'; 4096])
            .await
            .status,
        200
    );
    let answer = gateway.call("POST", "/auth/x", &[], vec![b'x'; 4097]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (413, "BODY_TOO_LARGE")
    );
    let long = vec![b'x'; 8192];
    for (path, status) in [("/auth/x", 413), ("/cart/x", 401)] {
        let answer = gateway.call("POST", path, &[], long.clone()).await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.headers["connection"], "close",
            "what was not read ends the connection"
        );
    }
    let mut chunked = b"POST /auth/x HTTP/1.1\r\nHost: mall\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n".to_vec();
    for _ in 0..6 {
        chunked.extend_from_slice(b"400\r\n");
        chunked.extend_from_slice(&[b'x'; 1024]);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let text = gateway.raw(&chunked).await;
    assert!(text.starts_with("HTTP/1.1 413"), "{text}");
    assert_eq!(instance.count(), 1);
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance)
        .with("body-timeout", "200ms".into())
        .start()
        .await;
    let text = gateway
        .raw(b"POST /auth/x HTTP/1.1\r\nHost: mall\r\nContent-Length: 10\r\n\r\nabc")
        .await;
    assert!(
        text.starts_with("HTTP/1.1 400") && text.contains("BODY_TOO_SLOW"),
        "{text}"
    );
    assert_eq!(instance.count(), 0);
}

#[tokio::test]
async fn addresses_and_headers_have_limits() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let long = gateway.get(&format!("/product/{}", "x".repeat(2048))).await;
    assert_eq!(
        (long.status.as_u16(), long.code().as_str()),
        (414, "URI_TOO_LONG")
    );
    let large = gateway
        .call("GET", "/product/x", &[("x-large", &"x".repeat(8192))], "")
        .await;
    assert_eq!(
        (large.status.as_u16(), large.code().as_str()),
        (431, "HEADERS_TOO_LARGE")
    );
    assert_eq!(instance.count(), 0);
}

fn limits() -> serde_json::Value {
    json!({ "login": { "per-minute": 1, "burst": 3 }, "signup": { "per-minute": 1, "burst": 1, "global-burst": 2 } })
}

/// Client addresses are named by a trusted proxy here, and of this test process alone.
fn address(last: u8) -> String {
    format!("2001:db8:{:x}:{last:x}::1", std::process::id() & 0xffff)
}

#[tokio::test]
async fn the_costly_calls_are_limited_per_address() {
    let instance = Instance::start().await;
    let setup = Setup::new(&instance)
        .with("rate-limits", limits())
        .with("trusted-proxies", json!(["127.0.0.1"]));
    let gateway = setup.start().await;
    let login = |client: String| {
        let gateway = &gateway;
        async move {
            gateway
                .call("POST", "/auth/login", &[("x-forwarded-for", &client)], "{}")
                .await
        }
    };
    for _ in 0..3 {
        assert_eq!(login(address(1)).await.status, 200);
    }
    let answer = login(address(1)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (429, "RATE_LIMITED")
    );
    let wait: u64 = answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((30..=60).contains(&wait), "{wait}");
    assert_eq!(login(address(2)).await.status, 200, "somebody else");
    assert_eq!(
        gateway
            .call(
                "GET",
                "/auth/login",
                &[("x-forwarded-for", &address(1))],
                ""
            )
            .await
            .status,
        200
    );
    assert_eq!(instance.count(), 5, "a limited call reached the service");
}

#[tokio::test]
async fn without_redis_the_limits_hold_in_the_process() {
    let instance = Instance::start().await;
    let setup = Setup::new(&instance)
        .with("rate-limits", limits())
        .without_redis();
    let gateway = setup.start().await;
    for _ in 0..3 {
        assert_eq!(
            gateway.call("POST", "/auth/login", &[], "{}").await.status,
            200
        );
    }
    assert_eq!(
        gateway.call("POST", "/auth/login", &[], "{}").await.status,
        429
    );
}

#[tokio::test]
async fn tokens_come_back() {
    let instance = Instance::start().await;
    let rates = json!({ "resend": { "per-minute": 600, "burst": 1 } });
    let setup = Setup::new(&instance)
        .with("rate-limits", rates)
        .with("trusted-proxies", json!(["127.0.0.1"]));
    let gateway = setup.start().await;
    let resend = || gateway.call("PUT", "/auth/resendEmail", &[], "{}");
    let mut refused = false;
    for _ in 0..5 {
        refused |= resend().await.status == 429;
    }
    assert!(refused);
    mall_testkit::eventually(Duration::from_secs(5), || async {
        let status = resend().await.status;
        if status == 200 {
            Ok(())
        } else {
            Err(format!("still {status}"))
        }
    })
    .await;
}
