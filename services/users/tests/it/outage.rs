use http::Method;
use mall_types::Role;
use serde_json::{Value, json};

use crate::support::{From, Options, PASSWORD, TestApp, identity};

#[tokio::test]
async fn redis_away() {
    let app = TestApp::with(Options {
        redis_is_there: false,
        ..Options::default()
    })
    .await;
    app.sign_up("kim@mall.example").await.ok();
    let body = json!({"email": "kim@mall.example"}).to_string();
    app.send(From::default(), Method::PUT, "/auth/resendEmail", body)
        .await
        .ok();
    app.execute("UPDATE users SET role = 'USER'".to_owned())
        .await;
    let away = (503, "SESSION_STORE_UNAVAILABLE");
    let reply = app.log_in("kim@mall.example", PASSWORD).await;
    assert_eq!(reply.problem(), away);
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(app.verify("bogus").await.problem(), away);
    let kim = identity(1, Role::User, &*app.clock);
    assert_eq!(
        app.call(&kim, Method::POST, "/auth/logout", Value::Null)
            .await
            .problem(),
        away
    );
    assert_eq!(
        app.log_in("kim@mall.example", "Wrongpw1!").await.problem(),
        (401, "LOGIN_FAILED")
    );
}

#[tokio::test]
async fn the_database_away() {
    let app = TestApp::with(Options {
        database_is_there: false,
        ..Options::default()
    })
    .await;
    let away = (503, "DATABASE_UNAVAILABLE");
    assert_eq!(app.sign_up("kim@mall.example").await.problem(), away);
    assert_eq!(
        app.log_in("kim@mall.example", PASSWORD).await.problem(),
        away
    );
    let body = json!({"email": "kim@mall.example"}).to_string();
    assert_eq!(
        app.send(From::default(), Method::PUT, "/auth/resendEmail", body)
            .await
            .problem(),
        away
    );
}
