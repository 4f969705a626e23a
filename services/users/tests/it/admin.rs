use http::Method;
use mall_users::AdminConfig;
use secrecy::SecretString;
use serde_json::Value;

use crate::support::TestApp;

fn admin(password: &str) -> AdminConfig {
    AdminConfig {
        email: "Admin@mall.example".to_owned(),
        password: SecretString::from(password),
    }
}

#[tokio::test]
async fn the_admin_is_made_once_by_however_many_replicas() {
    let app = TestApp::start().await;
    let config = admin("Admin!2345");
    let made = futures_util::future::join_all(
        (0..4).map(|_| mall_users::ensure_admin(&app.state, &config)),
    )
    .await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    mall_users::ensure_admin(&app.state, &admin("Another!2345"))
        .await
        .unwrap();
    let reply = app.log_in("admin@mall.example", "Admin!2345").await;
    let token = reply.access_token();
    assert_eq!(reply.ok()["roles"], "ADMIN");
    assert_eq!(
        app.text("SELECT CAST(COUNT(*) AS CHAR) FROM users")
            .await
            .as_deref(),
        Some("1")
    );
    let identity = app.gateway(&token).await.unwrap();
    assert_eq!(
        app.call(&identity, Method::GET, "/user/mypage", Value::Null)
            .await
            .problem(),
        (403, "FORBIDDEN")
    );
    app.call(&identity, Method::POST, "/auth/logout", Value::Null)
        .await
        .ok();
    assert!(app.gateway(&token).await.is_none());
}

#[tokio::test]
async fn a_shopper_is_not_made_an_admin() {
    let app = TestApp::start().await;
    app.given_shopper("admin@mall.example").await;
    mall_users::ensure_admin(&app.state, &admin("Admin!2345"))
        .await
        .unwrap();
    assert_eq!(
        app.log_in("admin@mall.example", "Admin!2345")
            .await
            .problem(),
        (401, "LOGIN_FAILED")
    );
    assert_eq!(
        app.log_in("admin@mall.example", crate::support::PASSWORD)
            .await
            .ok()["roles"],
        "USER"
    );
}
