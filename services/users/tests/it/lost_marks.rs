//! Redis loses what it knew of sessions; MySQL does not.

use std::time::Duration;

use http::Method;
use mall_testkit::{Redis, Scratch, eventually};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{Options, PASSWORD, SOON, TestApp};

const READY: &str = "mall:sessions:ready";

/// An app with a Redis of its own, which may be emptied.
struct Lone {
    app: TestApp,
    redis: Redis,
    _folder: Scratch,
}

impl Lone {
    async fn start() -> Self {
        let folder = Scratch::new("users-redis").unwrap();
        let redis = Redis::start(folder.path(), None).unwrap();
        let app = TestApp::with(Options {
            redis_url: Some(redis.url()),
            ..Options::default()
        })
        .await;
        Self {
            app,
            redis,
            _folder: folder,
        }
    }

    fn keep_marks(&self) -> DropGuard {
        let stop = CancellationToken::new();
        tokio::spawn(self.app.state.ended_marks().run(stop.clone()));
        stop.drop_guard()
    }

    async fn flush(&self) {
        let mut redis = self.app.redis.clone();
        let () = redis::cmd("FLUSHALL")
            .query_async(&mut redis)
            .await
            .unwrap();
    }

    async fn exists(&self, key: &str) -> bool {
        let mut redis = self.app.redis.clone();
        let mut exists = redis::cmd("EXISTS");
        exists.arg(key);
        exists.query_async(&mut redis).await.unwrap_or(false)
    }

    async fn ready(&self) {
        eventually(SOON, || async {
            self.exists(READY).await.then_some(()).ok_or("not ready")
        })
        .await;
    }
}

#[tokio::test]
async fn marks_come_again_before_the_word_that_they_are_there() {
    let lone = Lone::start().await;
    let app = &lone.app;
    app.given_shopper("kim@mall.example").await;
    let out = app
        .log_in("kim@mall.example", PASSWORD)
        .await
        .access_token();
    let other = app
        .log_in("kim@mall.example", PASSWORD)
        .await
        .access_token();
    let mine = app
        .log_in("kim@mall.example", PASSWORD)
        .await
        .access_token();
    let kim = app.gateway(&out).await.unwrap();
    app.call(&kim, Method::POST, "/auth/logout", Value::Null)
        .await
        .ok();
    // Nobody looks after the marks yet: with the list of sessions gone from Redis, a new password ends them all the same.
    lone.flush().await;
    let kim = app.gateway(&mine).await.unwrap();
    let change = json!({"password": "Bcdefgh2!"});
    app.call(&kim, Method::PUT, "/user/mypage/update", change)
        .await
        .ok();
    lone.flush().await;
    assert!(app.gateway(&out).await.is_some(), "the mark is lost");
    let _marks = lone.keep_marks();
    for _ in 0..5 {
        lone.ready().await;
        assert!(app.gateway(&out).await.is_none(), "logged out");
        assert!(app.gateway(&other).await.is_none(), "of the old password");
        assert!(app.gateway(&mine).await.is_some());
        lone.flush().await;
    }
    let mut redis = app.redis.clone();
    lone.ready().await;
    let left: i64 = redis::cmd("TTL")
        .arg(format!("mall:ended:{}", kim.session))
        .query_async(&mut redis)
        .await
        .unwrap();
    assert_eq!(left, -2, "who is logged in has no mark");
}

/// Emptied while the marks are being brought: what is there then is not all.
#[tokio::test]
async fn an_emptying_in_between_is_noticed() {
    let lone = Lone::start().await;
    let app = &lone.app;
    app.given_shopper("kim@mall.example").await;
    let mut tokens = Vec::new();
    for _ in 0..8 {
        let token = app
            .log_in("kim@mall.example", PASSWORD)
            .await
            .access_token();
        let identity = app.gateway(&token).await.unwrap();
        app.call(&identity, Method::POST, "/auth/logout", Value::Null)
            .await
            .ok();
        tokens.push(token);
    }
    let marks = app.state.ended_marks();
    for round in 0..300_u64 {
        let emptying = async {
            tokio::time::sleep(Duration::from_micros(round * 137 % 3000)).await;
            lone.flush().await;
        };
        let (brought, ()) = tokio::join!(marks.bring_all(), emptying);
        brought.unwrap();
        if lone.exists(READY).await {
            for token in &tokens {
                assert!(app.gateway(token).await.is_none(), "round {round}");
            }
        }
    }
    marks.bring_all().await.unwrap();
    assert!(lone.exists(READY).await);
}

/// The mark could not be set: the answer says so, and the session ends all the same once Redis is back.
#[tokio::test]
async fn an_end_while_redis_is_away_is_not_forgotten() {
    let lone = Lone::start().await;
    let app = &lone.app;
    app.given_shopper("kim@mall.example").await;
    let token = app
        .log_in("kim@mall.example", PASSWORD)
        .await
        .access_token();
    let kim = app.gateway(&token).await.unwrap();
    let _marks = lone.keep_marks();
    lone.ready().await;
    lone.redis.stop();
    let reply = app
        .call(&kim, Method::POST, "/auth/logout", Value::Null)
        .await;
    assert_eq!(reply.problem(), (503, "SESSION_STORE_UNAVAILABLE"));
    lone.redis.server().start().unwrap();
    let mark = format!("mall:ended:{}", kim.session);
    eventually(SOON, || async {
        lone.exists(&mark).await.then_some(()).ok_or("no mark")
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ended_is_not_refreshed_from_an_older_copy_of_redis() {
    let lone = Lone::start().await;
    let app = &lone.app;
    app.given_shopper("kim@mall.example").await;
    let login = app.log_in("kim@mall.example", PASSWORD).await;
    let kim = app.gateway(&login.access_token()).await.unwrap();
    let mut redis = app.redis.clone();
    let key = format!("mall:session:{}", kim.session);
    let copy: Vec<u8> = redis::cmd("DUMP")
        .arg(&key)
        .query_async(&mut redis)
        .await
        .unwrap();
    app.call(&kim, Method::POST, "/auth/logout", Value::Null)
        .await
        .ok();
    let () = redis::cmd("RESTORE")
        .arg(&key)
        .arg(0)
        .arg(copy)
        .query_async(&mut redis)
        .await
        .unwrap();
    assert_eq!(
        app.refresh(&login.refresh_token()).await.problem(),
        (401, "REFRESH_REFUSED")
    );
}

#[tokio::test]
async fn what_is_over_is_forgotten() {
    let lone = Lone::start().await;
    let app = &lone.app;
    app.given_shopper("kim@mall.example").await;
    app.log_in("kim@mall.example", PASSWORD).await.ok();
    app.clock.advance(chrono::Duration::days(3));
    let later = app.log_in("kim@mall.example", PASSWORD).await;
    app.clock.advance(chrono::Duration::days(4));
    app.state.ended_marks().sweep().await.unwrap();
    let count = "SELECT CAST(COUNT(*) AS CHAR) FROM session";
    assert_eq!(app.text(count).await.as_deref(), Some("1"));
    app.refresh(&later.refresh_token()).await.ok();
}
