//! Who gets in where, and with what.

use crate::support::{Instance, Setup, TestGateway};
use base64_url::encode;
use chrono::TimeDelta;
use mall_types::Role;

async fn gateway() -> (TestGateway, Instance) {
    let instance = Instance::start().await;
    (Setup::new(&instance).start().await, instance)
}

#[tokio::test]
async fn the_matrix_of_paths_and_callers() {
    let (gateway, _) = gateway().await;
    let (user, admin) = (gateway.user(), gateway.admin());
    // path, anonymous, user, admin
    for (path, nobody, shopper, boss) in [
        ("/product/allproduct", 200, 200, 200),
        ("/product/detailStock/1", 200, 200, 200),
        ("/auth/login", 200, 200, 200),
        ("/auth/refresh", 200, 200, 200),
        ("/auth/logout", 401, 200, 200),
        ("/payment/webhooks/simulated", 200, 200, 200),
        ("/cart/getCart", 401, 200, 403),
        ("/order/orderlist", 401, 200, 403),
        ("/wish/list", 401, 200, 403),
        ("/user/mypage", 401, 200, 403),
        ("/product/admin/add", 401, 403, 200),
        ("/admin/orders/1", 401, 403, 200),
        ("/admin/x", 401, 403, 404),
        ("/admin", 401, 403, 404),
        ("/cart/findCart", 401, 404, 403),
        ("/cart/deleteAll", 401, 404, 403),
        ("/cart/getCart/", 401, 404, 403),
        ("/product", 404, 404, 404),
        ("/product?productId=1,2", 404, 404, 404),
        ("/product/cartProduct?productId=1", 404, 404, 404),
        ("/product/isExistProduct/1", 404, 404, 404),
        ("/product/minusStock/1", 404, 404, 404),
        ("/product/plusStockList", 404, 404, 404),
        ("/internal/stock", 404, 404, 404),
        ("/internal/carts/7", 404, 404, 404),
        ("/nope", 404, 404, 404),
        ("/payment/x", 404, 404, 404),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"] {
            let got = gateway.call(method, path, &[], "").await.status;
            assert_eq!(got, nobody, "{method} {path} as nobody");
            let got = gateway.as_whom(&user, method, path).await.status;
            assert_eq!(got, shopper, "{method} {path} as a shopper");
            let got = gateway.as_whom(&admin, method, path).await.status;
            assert_eq!(got, boss, "{method} {path} as an admin");
        }
    }
}

#[tokio::test]
async fn refusals_are_problems_with_their_headers() {
    let (gateway, instance) = gateway().await;
    let none = gateway.get("/cart/getCart").await;
    assert_eq!(
        (none.status.as_u16(), none.code().as_str()),
        (401, "UNAUTHENTICATED")
    );
    assert_eq!(none.headers["www-authenticate"], "Bearer");
    let forbidden = gateway.as_whom(&gateway.user(), "GET", "/admin/x").await;
    assert_eq!(
        (forbidden.status.as_u16(), forbidden.code().as_str()),
        (403, "FORBIDDEN")
    );
    assert_eq!(gateway.get("/nope").await.code(), "NOT_FOUND");
    assert_eq!(instance.count(), 0, "a refused request reached a service");
}

mod base64_url {
    /// Without padding, as tokens have it.
    pub fn encode(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut out = String::new();
        for chunk in bytes.chunks(3) {
            let word = chunk
                .iter()
                .fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for at in 0..=chunk.len() {
                out.push(char::from(LETTERS[(word >> (18 - 6 * at)) as usize & 63]));
            }
        }
        out
    }
}

#[tokio::test]
async fn bad_tokens_are_401_and_never_500() {
    let (gateway, instance) = gateway().await;
    let good = gateway.user();
    let mut parts = good.split('.');
    let (head, claims, signature) = (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    );
    let none = encode(br#"{"alg":"none"}"#);
    let other = encode(br#"{"alg":"HS512"}"#);
    let no_exp = encode(br#"{"sub":"7","roles":"USER","iat":1,"typ":"access","sid":"s"}"#);
    let expired = gateway.access(7, Role::User, TimeDelta::seconds(-1)).0;
    for (name, token) in [
        ("rubbish", "rubbish".to_owned()),
        ("unsigned", format!("{none}.{claims}.")),
        (
            "alg none with a signature",
            format!("{none}.{claims}.{signature}"),
        ),
        ("another algorithm", format!("{other}.{claims}.{signature}")),
        ("no exp", format!("{head}.{no_exp}.{signature}")),
        ("no signature", format!("{head}.{claims}.")),
        ("cut off", good[..good.len() - 3].to_owned()),
        ("a refresh token", gateway.refresh()),
        ("expired", expired),
        ("huge", "x".repeat(6000)),
        ("dots", "...".to_owned()),
        ("letters beyond ASCII", "가.나.다".to_owned()),
    ] {
        for word in ["Bearer ", "bearer ", ""] {
            let answer = gateway
                .call(
                    "GET",
                    "/cart/getCart",
                    &[("authorization", &format!("{word}{token}"))],
                    "",
                )
                .await;
            assert_eq!(answer.status, 401, "{name} behind {word:?}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer", "{name}");
        }
        let public = gateway.as_whom(&token, "GET", "/product/allproduct").await;
        assert_eq!(public.status, 200, "{name} on a public path");
    }
    let expired = gateway.access(7, Role::User, TimeDelta::seconds(-1)).0;
    assert_eq!(
        gateway
            .as_whom(&expired, "GET", "/cart/getCart")
            .await
            .code(),
        "TOKEN_EXPIRED"
    );
    for note in instance.seen() {
        assert!(
            crate::support::header(&note, "x-mall-identity").is_empty(),
            "{note}"
        );
    }
}

#[tokio::test]
async fn the_word_bearer_is_read_in_any_case_and_not_demanded() {
    let (gateway, _) = gateway().await;
    let token = gateway.user();
    for value in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER {token}"),
        token.clone(),
    ] {
        let answer = gateway
            .call("GET", "/cart/getCart", &[("authorization", &value)], "")
            .await;
        assert_eq!(answer.status, 200, "{value:.20}");
    }
    let good = format!("Bearer {token}");
    let two = gateway
        .call(
            "GET",
            "/cart/getCart",
            &[("authorization", &good), ("authorization", "Bearer x")],
            "",
        )
        .await;
    assert_eq!(two.status, 401);
    let basic = gateway
        .call(
            "GET",
            "/cart/getCart",
            &[("authorization", &format!("Basic {token}"))],
            "",
        )
        .await;
    assert_eq!(basic.status, 401);
}

#[tokio::test]
async fn an_ended_session_is_out_at_once() {
    let (gateway, instance) = gateway().await;
    let (token, session) = gateway.access(7, Role::User, TimeDelta::hours(1));
    assert_eq!(
        gateway.as_whom(&token, "GET", "/cart/getCart").await.status,
        200
    );
    let mut redis = gateway.redis.clone();
    redis::cmd("SET")
        .arg(format!("mall:ended:{session}"))
        .arg("1")
        .arg("EX")
        .arg(60)
        .query_async::<()>(&mut redis)
        .await
        .unwrap();
    let before = instance.count();
    let answer = gateway.as_whom(&token, "GET", "/cart/getCart").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (401, "SESSION_ENDED")
    );
    assert_eq!(instance.count(), before);
    assert_eq!(
        gateway
            .as_whom(&token, "GET", "/product/allproduct")
            .await
            .status,
        200
    );
    assert_eq!(
        gateway
            .as_whom(&gateway.user(), "GET", "/cart/getCart")
            .await
            .status,
        200,
        "somebody else's session"
    );
}

#[tokio::test]
async fn without_redis_nobody_is_let_through() {
    let instance = Instance::start().await;
    let gateway = Setup::new(&instance).without_redis().start().await;
    let answer = gateway
        .as_whom(&gateway.user(), "GET", "/cart/getCart")
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (503, "SESSION_CHECK_UNAVAILABLE")
    );
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(
        gateway.get("/cart/getCart").await.status,
        401,
        "no token is still 401"
    );
    assert_eq!(
        gateway
            .as_whom("rubbish", "GET", "/cart/getCart")
            .await
            .status,
        401
    );
    assert_eq!(
        gateway.get("/product/allproduct").await.status,
        200,
        "public paths need no Redis"
    );
    assert_eq!(
        gateway.call("POST", "/auth/login", &[], "{}").await.status,
        200,
        "limits fall back"
    );
    assert_eq!(instance.count(), 2);
}

/// Emptied: the marks of those that were ended are gone with the word that they are all there.
#[tokio::test]
async fn a_redis_that_lost_its_marks_lets_nobody_through() {
    let folder = mall_testkit::Scratch::new("gateway-redis").unwrap();
    let redis = mall_testkit::Redis::start(folder.path(), None).unwrap();
    let instance = Instance::start().await;
    let mut setup = Setup::new(&instance);
    setup.redis_url = Some(redis.url());
    let gateway = setup.start().await;
    let cart = |token: String| {
        let gateway = &gateway;
        async move {
            let answer = gateway.as_whom(&token, "GET", "/cart/getCart").await;
            answer.status.as_u16()
        }
    };
    let redis = |command: &'static str, key: String| {
        let mut redis = gateway.redis.clone();
        async move {
            let mut asked = redis::cmd(command);
            if !key.is_empty() {
                asked.arg(key);
            }
            if command == "SET" {
                asked.arg("1");
            }
            let () = asked.query_async(&mut redis).await.unwrap();
        }
    };
    let (out, session) = gateway.access(7, Role::User, TimeDelta::hours(1));
    let inside = gateway.user();
    redis("SET", format!("mall:ended:{session}")).await;
    assert_eq!(
        (cart(out.clone()).await, cart(inside.clone()).await),
        (401, 200)
    );
    redis("FLUSHALL", String::new()).await;
    let before = instance.count();
    for token in [&out, &inside] {
        let answer = gateway.as_whom(token, "GET", "/cart/getCart").await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (503, "SESSION_CHECK_UNAVAILABLE")
        );
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert_eq!(instance.count(), before);
    assert_eq!(gateway.get("/product/allproduct").await.status, 200);
    redis("SET", format!("mall:ended:{session}")).await;
    redis("SET", "mall:sessions:ready".to_owned()).await;
    assert_eq!((cart(out).await, cart(inside).await), (401, 200));
}
