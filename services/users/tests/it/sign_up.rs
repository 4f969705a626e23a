use http::Method;
use serde_json::json;

use crate::support::{From, Options, PASSWORD, TestApp};

#[tokio::test]
async fn a_shopper_signs_up_opens_the_link_and_logs_in() {
    let app = TestApp::start().await;
    let request = json!({
        "email": "kim@mall.example", "password": PASSWORD, "address": "서울시 강남구 1",
        "registration": "900101-1234567", "name": "김철수", "phoneNum": "010-1234-5678",
    });
    let answer = app.post("/auth/signup", request).await.ok();
    assert_eq!(
        (&answer["statusCode"], &answer["success"]),
        (&json!(200), &json!(true))
    );
    assert_eq!(
        app.log_in("kim@mall.example", PASSWORD).await.problem(),
        (401, "EMAIL_NOT_VERIFIED")
    );
    let key = app.key_of("kim@mall.example", 1).await;
    assert_eq!(app.verify(&key).await.ok()["success"], true);
    assert_eq!(
        app.log_in("kim@mall.example", PASSWORD).await.ok()["roles"],
        "USER"
    );
}

#[tokio::test]
async fn an_address_has_one_account_whatever_its_case() {
    let app = TestApp::start().await;
    app.sign_up("kim@mall.example").await.ok();
    for email in [
        "kim@mall.example",
        "KIM@Mall.Example",
        "  kim@mall.example ",
    ] {
        assert_eq!(app.sign_up(email).await.problem(), (409, "EMAIL_TAKEN"));
    }
    let at_once = (0..8).map(|_| app.sign_up("lee@mall.example"));
    let replies = futures_util::future::join_all(at_once).await;
    assert_eq!(
        replies
            .iter()
            .filter(|reply| reply.status.is_success())
            .count(),
        1
    );
    assert_eq!(
        replies
            .iter()
            .filter(|reply| reply.status.as_u16() == 409)
            .count(),
        7
    );
}

#[tokio::test]
async fn every_bad_field_is_named_and_nothing_is_stored() {
    let app = TestApp::start().await;
    let bad = json!({"email": "nope", "password": "x", "address": "a", "registration": "x", "name": "n", "phoneNum": "x"});
    let reply = app.post("/auth/signup", bad).await;
    assert_eq!(reply.problem(), (400, "INVALID_FIELDS"));
    assert_eq!(
        reply.fields(),
        ["email", "password", "phoneNum", "registration"]
    );
    assert_eq!(
        app.post("/auth/signup", json!({})).await.fields(),
        ["email", "password"]
    );
    let reply = app
        .post(
            "/auth/signup",
            json!({"email": "a@b", "password": PASSWORD, "role": "ADMIN"}),
        )
        .await;
    assert_eq!(
        (reply.problem(), reply.fields()),
        ((400, "INVALID_BODY"), vec!["role"])
    );
    assert_eq!(
        app.text("SELECT CAST(COUNT(*) AS CHAR) FROM users")
            .await
            .as_deref(),
        Some("0")
    );
    assert_eq!(app.pending().await, 0);
}

#[tokio::test]
async fn a_key_works_once() {
    let app = TestApp::start().await;
    app.sign_up("kim@mall.example").await.ok();
    let key = app.key_of("kim@mall.example", 1).await;
    let head = format!("/auth/signup/email-verifications?key={key}");
    let looked = app
        .send(
            From::default(),
            Method::HEAD,
            &head,
            axum::body::Body::empty(),
        )
        .await;
    assert_eq!(looked.status.as_u16(), 200);
    let at_once = futures_util::future::join_all((0..8).map(|_| app.verify(&key))).await;
    assert_eq!(
        at_once
            .iter()
            .filter(|reply| reply.status.is_success())
            .count(),
        1
    );
    let used = app.verify(&key).await;
    assert_eq!(used.problem(), (401, "VERIFICATION_FAILED"));
    let unknown = app.verify("bogus").await;
    assert_eq!(used.body, unknown.body);
    for key in ["", "productStockCache::1", "mall:session:x"] {
        assert_eq!(app.verify(key).await.body, unknown.body, "{key}");
    }
    let reply = app.get("/auth/signup/email-verifications").await;
    assert_eq!(
        (reply.problem(), reply.fields()),
        ((400, "INVALID_FIELDS"), vec!["key"])
    );
}

#[tokio::test]
async fn a_key_is_good_only_so_long() {
    let mut options = Options::default();
    options.config.verification_key_life = mall_service::Span::secs(1);
    let app = TestApp::with(options).await;
    app.sign_up("kim@mall.example").await.ok();
    let key = app.key_of("kim@mall.example", 1).await;
    mall_testkit::eventually(crate::support::SOON, || async {
        let mut redis = app.redis.clone();
        let found: i64 = redis::cmd("EXISTS")
            .arg(format!("mall:verification:{}", hash(&key)))
            .query_async(&mut redis)
            .await
            .unwrap();
        if found == 0 {
            Ok(())
        } else {
            Err("still there")
        }
    })
    .await;
    assert_eq!(
        app.verify(&key).await.problem(),
        (401, "VERIFICATION_FAILED")
    );
}

fn hash(key: &str) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(key.as_bytes()))
}
