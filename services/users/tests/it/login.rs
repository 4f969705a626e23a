use std::time::{Duration, Instant};

use mall_service::Span;
use serde_json::json;

use crate::support::{Options, PASSWORD, TestApp};

#[tokio::test]
async fn a_login_answers_as_the_original() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let reply = app.log_in(" KIM@mall.example", PASSWORD).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("refresh_token=ey"), "{cookie}");
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/auth"),
        "{cookie}"
    );
    let (access, refresh) = (reply.access_token(), reply.refresh_token());
    let body = reply.ok();
    let names: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "access_token",
            "roles",
            "http_status",
            "message",
            "token_type"
        ]
    );
    assert_eq!(
        (&body["http_status"], &body["token_type"]),
        (&json!("200 OK"), &json!("Bearer"))
    );
    assert!(app.gateway(&access).await.is_some());
    assert!(
        app.gateway(&refresh).await.is_none(),
        "a refresh token is no access token"
    );
}

#[tokio::test]
async fn outside_of_local_the_cookie_is_secure() {
    let app = TestApp::with(Options {
        local: false,
        ..Options::default()
    })
    .await;
    app.given_shopper("kim@mall.example").await;
    let reply = app.log_in("kim@mall.example", PASSWORD).await;
    assert!(
        reply.headers["set-cookie"]
            .to_str()
            .unwrap()
            .ends_with("; Path=/auth; Secure")
    );
}

#[tokio::test]
async fn unknown_and_wrong_are_one_answer() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    app.sign_up("unverified@mall.example").await.ok();
    let wrong = app.log_in("kim@mall.example", "no").await;
    assert_eq!(wrong.problem(), (401, "LOGIN_FAILED"));
    let long = "x".repeat(2000);
    for (email, password) in [
        ("nobody@mall.example", PASSWORD),
        ("nope", PASSWORD),
        ("", ""),
        ("kim@mall.example", ""),
        ("kim@mall.example", long.as_str()),
        ("unverified@mall.example", "no"),
        ("kim@mall.example' OR '1'='1", PASSWORD),
    ] {
        let reply = app.log_in(email, password).await;
        assert_eq!(
            (reply.status, &reply.body),
            (wrong.status, &wrong.body),
            "{email}"
        );
        assert!(reply.headers.get("set-cookie").is_none());
    }
    assert_eq!(
        app.log_in("unverified@mall.example", PASSWORD)
            .await
            .problem(),
        (401, "EMAIL_NOT_VERIFIED")
    );
}

#[tokio::test]
async fn unknown_and_wrong_take_the_same_work() {
    // Costs that stand out against everything else that a login does.
    let mut options = Options::default();
    options.config.password.memory_kib = 32 * 1024;
    options.config.password.iterations = 3;
    let app = TestApp::with(options).await;
    app.given_shopper("kim@mall.example").await;
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..5 {
        for (slot, email) in fastest
            .iter_mut()
            .zip(["kim@mall.example", "nobody@mall.example"])
        {
            let started = Instant::now();
            app.log_in(email, "Wrongpw1!").await;
            *slot = started.elapsed().min(*slot);
        }
    }
    let [known, unknown] = fastest;
    assert!(
        known > Duration::from_millis(20),
        "{known:?}: the hash is too cheap for this test"
    );
    assert!(
        unknown > known / 2 && known > unknown / 2,
        "known {known:?}, unknown {unknown:?}"
    );
}

#[tokio::test]
async fn absent_fields_are_named() {
    let app = TestApp::start().await;
    let reply = app.post("/auth/login", json!({})).await;
    assert_eq!(
        (reply.problem(), reply.fields()),
        ((400, "INVALID_FIELDS"), vec!["email", "password"])
    );
    let reply = app
        .post("/auth/login", json!({"email": 1, "password": 2}))
        .await;
    assert_eq!(reply.problem(), (400, "INVALID_BODY"));
}

#[tokio::test]
async fn old_and_cheap_hashes_are_replaced_at_login() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let bcrypt = bcrypt::hash_with_result(PASSWORD, 4)
        .unwrap()
        .format_for_version(bcrypt::Version::TwoA);
    let cheap = "SELECT password FROM users";
    app.execute(format!("UPDATE users SET password = '{bcrypt}'"))
        .await;
    assert_eq!(
        app.log_in("kim@mall.example", "Wrongpw1!").await.problem(),
        (401, "LOGIN_FAILED")
    );
    assert_eq!(app.text(cheap).await, Some(bcrypt));
    app.log_in("kim@mall.example", PASSWORD).await.ok();
    let hash = app.text(cheap).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    app.log_in("kim@mall.example", PASSWORD).await.ok();
    assert_eq!(app.text(cheap).await, Some(hash), "not again");
}

#[tokio::test]
async fn a_crowd_at_the_door_is_told_to_come_back() {
    let mut options = Options::default();
    options.config.password.parallel = 1;
    options.config.password.memory_kib = 64 * 1024;
    options.config.password.wait = Span::millis(1);
    let app = TestApp::with(options).await;
    let crowd = (0..12).map(|_| app.log_in("nobody@mall.example", PASSWORD));
    let replies = futures_util::future::join_all(crowd).await;
    let busy: Vec<_> = replies
        .iter()
        .filter(|reply| reply.status.as_u16() == 503)
        .collect();
    assert!(
        !busy.is_empty() && busy.len() < 12,
        "{} of 12 busy",
        busy.len()
    );
    assert_eq!(busy[0].problem(), (503, "BUSY"));
    assert!(busy[0].headers.contains_key("retry-after"));
}
