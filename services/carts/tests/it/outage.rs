use http::Method;
use serde_json::json;

use crate::support::{TestApp, Who};

const KIM: Who = Who::Shopper(1);

#[tokio::test]
async fn products_away_cost_only_what_needs_them() {
    let app = TestApp::start().await;
    let line = app.given_line(1, 1, 2).await;
    *app.products.away.lock().unwrap() = true;
    assert_eq!(
        app.call(KIM, Method::POST, "/cart/add/3?count=1")
            .await
            .problem(),
        (503, "SERVICE_UNAVAILABLE")
    );
    assert_eq!(
        app.get(KIM, "/cart/getCart").await.problem(),
        (503, "SERVICE_UNAVAILABLE")
    );
    app.call(KIM, Method::PUT, &format!("/cart/update/{line}?count=5"))
        .await
        .ok();
    app.call(KIM, Method::DELETE, &format!("/cart/delete/{line}"))
        .await
        .ok();
    assert_eq!(
        app.get(KIM, "/cart/getCart").await.ok(),
        json!([]),
        "an empty cart needs no products"
    );
}

#[tokio::test]
async fn a_database_that_is_away_is_503() {
    let app = TestApp::without_database().await;
    let reply = app.call(KIM, Method::POST, "/cart/add/1?count=1").await;
    assert_eq!(reply.problem(), (503, "DATABASE_UNAVAILABLE"));
    assert!(
        !reply.body.to_string().contains("127.0.0.1"),
        "{}",
        reply.body
    );
    assert_eq!(
        app.get(KIM, "/cart/getCart").await.problem(),
        (503, "DATABASE_UNAVAILABLE")
    );
}
