use futures_util::future::join_all;
use http::Method;
use mall_auth::{AccessToken, RefreshToken};
use mall_clock::Clock;
use mall_service::Span;
use mall_types::Role;
use serde_json::Value;

use crate::support::{From, Options, PASSWORD, TestApp};

#[tokio::test]
async fn refresh_rotates() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let login = app.log_in("kim@mall.example", PASSWORD).await;
    let mut token = login.refresh_token();
    for _ in 0..3 {
        app.clock.advance(chrono::Duration::hours(1));
        let reply = app.refresh(&token).await;
        let next = reply.refresh_token();
        assert_ne!(next, token);
        assert!(
            reply.headers["set-cookie"]
                .to_str()
                .unwrap()
                .ends_with("; HttpOnly; SameSite=Lax; Path=/auth")
        );
        let access = reply.access_token();
        let body = reply.ok();
        assert_eq!(
            body.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["access_token", "http_status"]
        );
        assert_eq!(body["http_status"], "201 CREATED");
        assert!(app.gateway(&access).await.is_some());
        token = next;
    }
    assert!(
        app.gateway(&login.access_token()).await.is_none(),
        "an hour is over"
    );
}

#[tokio::test]
async fn reuse_ends_the_session() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let other = app.log_in("kim@mall.example", PASSWORD).await;
    let first = app
        .log_in("kim@mall.example", PASSWORD)
        .await
        .refresh_token();
    let reply = app.refresh(&first).await;
    let (second, access) = (reply.refresh_token(), reply.access_token());
    assert!(app.gateway(&access).await.is_some());
    app.clock.advance(chrono::Duration::seconds(5));
    assert_eq!(
        app.refresh(&first).await.problem(),
        (401, "REFRESH_REFUSED")
    );
    assert_eq!(
        app.refresh(&second).await.problem(),
        (401, "REFRESH_REFUSED")
    );
    assert!(
        app.gateway(&access).await.is_none(),
        "its access tokens end too"
    );
    assert!(
        app.gateway(&other.access_token()).await.is_some(),
        "other sessions go on"
    );
    app.refresh(&other.refresh_token()).await.ok();
}

#[tokio::test]
async fn of_fifty_refreshes_at_once_one_wins() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let token = app
        .log_in("kim@mall.example", PASSWORD)
        .await
        .refresh_token();
    let replies = join_all((0..50).map(|_| app.refresh(&token))).await;
    let won: Vec<_> = replies
        .iter()
        .filter(|reply| reply.status.is_success())
        .collect();
    assert_eq!(won.len(), 1);
    assert!(
        replies
            .iter()
            .all(|reply| reply.status.is_success() || reply.problem() == (409, "REFRESH_RACED"))
    );
    let lost = replies.iter().find(|reply| !reply.status.is_success());
    let lost = &lost.unwrap().headers;
    assert_eq!(lost["retry-after"], "1");
    assert!(
        !lost.contains_key("set-cookie"),
        "the windows share their cookies: the good one must stay"
    );
    // All go on with the cookie of the one that won.
    assert!(app.gateway(&won[0].access_token()).await.is_some());
    app.refresh(&won[0].refresh_token()).await.ok();
}

#[tokio::test]
async fn only_the_token_before_the_good_one_may_have_raced() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let login = app.log_in("kim@mall.example", PASSWORD).await;
    let first = login.refresh_token();
    let second = app.refresh(&first).await.refresh_token();
    // An instance's clock may be a little behind that of another one.
    app.clock.advance(chrono::Duration::seconds(-2));
    assert_eq!(app.refresh(&first).await.problem(), (409, "REFRESH_RACED"));
    let third = app.refresh(&second).await.refresh_token();
    assert_eq!(app.refresh(&second).await.problem(), (409, "REFRESH_RACED"));
    // Two refreshes ago is no race any more, however quick they were.
    for ended in [&first, &second, &third] {
        assert_eq!(app.refresh(ended).await.problem(), (401, "REFRESH_REFUSED"));
    }
    assert!(app.gateway(&login.access_token()).await.is_none());
}

#[tokio::test]
async fn without_the_grace_every_reuse_ends_the_session() {
    let mut options = Options::default();
    options.config.refresh_race = Span::secs(0);
    let app = TestApp::with(options).await;
    app.given_shopper("kim@mall.example").await;
    let login = app.log_in("kim@mall.example", PASSWORD).await;
    let second = app.refresh(&login.refresh_token()).await.refresh_token();
    for ended in [&login.refresh_token(), &second] {
        assert_eq!(app.refresh(ended).await.problem(), (401, "REFRESH_REFUSED"));
    }
}

#[tokio::test]
async fn only_a_good_refresh_token_is_one() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let none = app
        .send(
            From::default(),
            Method::POST,
            "/auth/refresh",
            axum::body::Body::empty(),
        )
        .await;
    assert_eq!(none.problem(), (400, "REFRESH_COOKIE_MISSING"));
    let login = app.log_in("kim@mall.example", PASSWORD).await;
    let access = login.access_token();
    let now = app.clock.now();
    let claims = app
        .tokens
        .verify_refresh(&login.refresh_token(), now)
        .unwrap();
    let forged = RefreshToken {
        session: "no-such-session".to_owned(),
        ..claims.clone()
    };
    let stranger = RefreshToken {
        user: mall_types::UserId(1),
        ..claims.clone()
    };
    let admin = AccessToken {
        user: claims.user,
        role: Role::Admin,
        session: claims.session.clone(),
        issued_at: now,
        expires_at: now + chrono::Duration::hours(1),
    };
    for bad in [
        String::new(),
        "abc".to_owned(),
        access,
        app.tokens.sign_refresh(&forged),
        app.tokens.sign_access(&admin),
        format!("{}x", login.refresh_token()),
    ] {
        assert_eq!(
            app.refresh(&bad).await.problem(),
            (401, "REFRESH_REFUSED"),
            "{bad}"
        );
    }
    app.refresh(&login.refresh_token()).await.ok();
    assert_eq!(
        app.refresh(&app.tokens.sign_refresh(&stranger))
            .await
            .problem(),
        (401, "REFRESH_REFUSED")
    );
    let login = app.log_in("kim@mall.example", PASSWORD).await;
    app.clock.advance(chrono::Duration::days(7));
    assert_eq!(
        app.refresh(&login.refresh_token()).await.problem(),
        (401, "REFRESH_REFUSED")
    );
}

#[tokio::test]
async fn after_logout_no_token_of_the_session_is_good() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let login = app.log_in("kim@mall.example", PASSWORD).await;
    let other = app.log_in("kim@mall.example", PASSWORD).await;
    let identity = app.gateway(&login.access_token()).await.unwrap();
    let reply = app
        .call(&identity, Method::POST, "/auth/logout", Value::Null)
        .await;
    assert!(
        reply.headers["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("refresh_token=;")
    );
    assert_eq!(reply.ok()["success"], true);
    assert!(app.gateway(&login.access_token()).await.is_none());
    assert_eq!(
        app.refresh(&login.refresh_token()).await.problem(),
        (401, "REFRESH_REFUSED")
    );
    assert!(app.gateway(&other.access_token()).await.is_some());
    app.call(&identity, Method::POST, "/auth/logout", Value::Null)
        .await
        .ok();
    let nobody = app
        .send(
            From::default(),
            Method::POST,
            "/auth/logout",
            axum::body::Body::empty(),
        )
        .await;
    assert_eq!(nobody.problem(), (401, "UNAUTHENTICATED"));
}

#[tokio::test]
async fn an_ended_mark_outlives_the_access_token() {
    let app = TestApp::start().await;
    let identity = app.given_logged_in("kim@mall.example").await;
    app.call(&identity, Method::POST, "/auth/logout", Value::Null)
        .await
        .ok();
    let mut redis = app.redis.clone();
    let left: i64 = redis::cmd("TTL")
        .arg(format!("mall:ended:{}", identity.session))
        .query_async(&mut redis)
        .await
        .unwrap();
    assert!((3600..=3660).contains(&left), "{left} s");
}

#[tokio::test]
async fn a_deleted_account_is_not_refreshed() {
    let app = TestApp::start().await;
    app.given_shopper("kim@mall.example").await;
    let login = app.log_in("kim@mall.example", PASSWORD).await;
    app.execute("DELETE FROM users".to_owned()).await;
    assert_eq!(
        app.refresh(&login.refresh_token()).await.problem(),
        (401, "REFRESH_REFUSED")
    );
    assert!(app.gateway(&login.access_token()).await.is_none());
}
