//! What reaches a service, and what comes back.

use crate::support::{Instance, Setup, header};
use serde_json::json;

const FORGERIES: &[(&str, &str)] = &[
    ("X-Authorization-Id", "1"),
    ("x-authorization-id", "2"),
    ("X_Authorization_Id", "3"),
    ("x_authorization-id", "4"),
    ("X-TOKEN", "t"),
    ("x_token", "t"),
    ("X-Mall-Identity", "forged"),
    ("x-mall-identity", "forged twice"),
    ("X_Mall_Identity", "forged"),
    ("x-mall-service", "application-order"),
    ("X-Mall-Anything", "x"),
    ("X-User-Id", "1"),
    ("x_user_roles", "ADMIN"),
    ("Forwarded", "for=6.6.6.6"),
    ("X-Forwarded-For", "6.6.6.6"),
    ("x_forwarded_for", "6.6.6.6"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Original-URL", "/admin"),
    ("X-Rewrite-URL", "/admin"),
    ("X-Real-IP", "6.6.6.6"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("Connection", "x-mall-identity, x-forwarded-for, X-Private"),
    ("X-Private", "p"),
    ("Keep-Alive", "timeout=5"),
    ("TE", "trailers"),
    ("Proxy-Authorization", "Basic x"),
];

#[tokio::test]
async fn nothing_that_a_client_forges_arrives_on_any_route() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let bearer = format!("Bearer {}", gateway.user());
    for (path, guarded) in [
        ("/product/allproduct", false),
        ("/auth/login", false),
        ("/payment/webhooks/x", false),
        ("/cart/getCart", true),
    ] {
        let mut sent = FORGERIES.to_vec();
        if guarded {
            sent.push(("authorization", &bearer));
        }
        sent.push(("cookie", "refresh_token=r"));
        sent.push(("idempotency-key", "k"));
        let answer = gateway.call("POST", path, &sent, "{}").await;
        assert_eq!(answer.status, 200, "{path}");
        let note = answer.json();
        let own = [
            "x-mall-identity",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "connection",
        ];
        for (name, value) in FORGERIES {
            let arrived = header(&note, &name.to_lowercase());
            assert!(
                !arrived.contains(value),
                "{name}: {value} arrived at {path}"
            );
            assert!(
                own.contains(&name.to_lowercase().as_str()) || arrived.is_empty(),
                "{name} arrived at {path}"
            );
        }
        assert_eq!(header(&note, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(header(&note, "x-forwarded-proto"), ["http"]);
        assert_eq!(
            header(&note, "x-forwarded-host"),
            [gateway.address.to_string()]
        );
        assert_eq!(header(&note, "traceparent").len(), 1);
        assert_eq!(header(&note, "cookie"), ["refresh_token=r"]);
        assert_eq!(header(&note, "idempotency-key"), ["k"]);
        assert_eq!(
            header(&note, "authorization"),
            Vec::<&str>::new(),
            "the token goes no further"
        );
        let statement = header(&note, "x-mall-identity");
        if guarded {
            let now = gateway.clock.now();
            let identity = gateway
                .internal
                .verify_identity(statement[0], "application-cart", now)
                .unwrap();
            assert_eq!((identity.user.0, identity.role.as_str()), (7, "USER"));
            assert_eq!(statement.len(), 1);
        } else {
            assert!(statement.is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn forged_trailers_stay_outside() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let text = gateway
        .raw(
            b"POST /auth/login HTTP/1.1\r\nHost: mall\r\nTransfer-Encoding: chunked\r\nTrailer: x-mall-identity\r\n\
              Connection: close\r\n\r\n2\r\n{}\r\n0\r\nx-mall-identity: forged\r\n\r\n",
        )
        .await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let seen = instance.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["body"], "{}");
    assert!(header(&seen[0], "x-mall-identity").is_empty());
    assert!(header(&seen[0], "trailer").is_empty());
    assert_eq!(header(&seen[0], "content-length"), ["2"]);
}

#[tokio::test]
async fn a_payment_provider_keeps_its_own_credentials() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let answer = gateway
        .call(
            "POST",
            "/payment/webhooks/x",
            &[("authorization", "Basic abc")],
            "{}",
        )
        .await;
    assert_eq!(header(&answer.json(), "authorization"), ["Basic abc"]);
}

#[tokio::test]
async fn only_a_trusted_proxy_names_the_client() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance)
        .with("trusted-proxies", json!("127.0.0.0/8"))
        .start()
        .await;
    let said = [
        ("x-forwarded-for", "6.6.6.6, 203.0.113.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "mall.example"),
        ("x_forwarded_for", "6.6.6.6"),
    ];
    let note = gateway
        .call("GET", "/product/allproduct", &said, "")
        .await
        .json();
    assert_eq!(header(&note, "x-forwarded-for"), ["203.0.113.7"]);
    assert_eq!(header(&note, "x-forwarded-proto"), ["https"]);
    assert_eq!(header(&note, "x-forwarded-host"), ["mall.example"]);
}

#[tokio::test]
async fn answers_carry_the_security_headers_and_nothing_from_inside() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    for path in [
        "/product/allproduct",
        "/product/broken",
        "/nope",
        "/cart/getCart",
        "/cart;x",
        "/v3/api-docs",
        "/swagger-ui/",
        "/actuator/info",
        "/internal/x",
        "/actuator/health",
    ] {
        let answer = gateway.get(path).await;
        for (name, value) in [
            (
                "cache-control",
                "no-cache, no-store, max-age=0, must-revalidate",
            ),
            ("pragma", "no-cache"),
            ("expires", "0"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("x-xss-protection", "0"),
            ("referrer-policy", "no-referrer"),
        ] {
            let values: Vec<_> = answer.headers.get_all(name).iter().collect();
            assert_eq!(values, [value], "{path}: {name}");
        }
        for name in ["server", "x-powered-by", "x-hop", "via"] {
            assert!(!answer.headers.contains_key(name), "{path}: {name}");
        }
    }
    let answer = gateway.get("/product/allproduct").await;
    assert_eq!(
        answer
            .headers
            .get_all("set-cookie")
            .iter()
            .collect::<Vec<_>>(),
        ["a=1", "b=2"]
    );
}

#[tokio::test]
async fn nobody_outside_says_how_long_the_gateway_may_take() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).start().await;
    let sent = [("x-request-deadline-ms", "0")];
    let answer = gateway.call("GET", "/product/allproduct", &sent, "").await;
    assert_eq!(answer.status, 200);
    let note = answer.json();
    let left: u64 = header(&note, "x-request-deadline-ms")[0].parse().unwrap();
    assert!((1..=2000).contains(&left), "{left}");
}
