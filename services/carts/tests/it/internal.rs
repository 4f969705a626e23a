use http::Method;
use serde_json::json;

use crate::support::{TestApp, Who};

#[tokio::test]
async fn another_service_reads_and_removes_lines() {
    let app = TestApp::start().await;
    let (tee, mug) = (app.given_line(1, 1, 2).await, app.given_line(1, 3, 1).await);
    let others = app.given_line(2, 1, 7).await;
    let lines = app.get(Who::Service, "/internal/carts/1").await.ok();
    assert_eq!(
        lines,
        json!([{"cartId": tee, "productId": 1, "count": 2}, {"cartId": mug, "productId": 3, "count": 1}])
    );
    let body = json!({"cartIds": [tee, others, 999999], "later": true}).to_string();
    let path = "/internal/carts/1/remove";
    assert_eq!(
        app.call_with(Who::Service, Method::POST, path, body.clone())
            .await
            .ok(),
        json!({"removed": 1})
    );
    assert_eq!(
        app.call_with(Who::Service, Method::POST, path, body)
            .await
            .ok(),
        json!({"removed": 0})
    );
    assert_eq!(
        app.call_with(Who::Service, Method::POST, path, r#"{"cartIds":[]}"#)
            .await
            .ok(),
        json!({"removed": 0})
    );
    assert_eq!(
        app.get(Who::Service, "/internal/carts/1")
            .await
            .ok()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        app.get(Who::Service, "/internal/carts/2").await.ok()[0]["cartId"],
        others
    );
    assert_eq!(
        app.get(Who::Service, "/internal/carts/77").await.ok(),
        json!([])
    );
}

#[tokio::test]
async fn nobody_else_does() {
    let app = TestApp::start().await;
    let line = app.given_line(1, 1, 2).await;
    for who in [Who::Nobody, Who::Shopper(1), Who::Admin(1)] {
        assert_eq!(app.get(who, "/internal/carts/1").await.problem().0, 401);
        let body = json!({"cartIds": [line]}).to_string();
        assert_eq!(
            app.call_with(who, Method::POST, "/internal/carts/1/remove", body)
                .await
                .problem()
                .0,
            401
        );
    }
    assert_eq!(
        app.get(Who::Shopper(1), "/cart/getCart").await.ok()[0]["cartId"],
        line
    );
}

/// An order is placed and the cart emptied; then the same product is put into the cart again, and the order's message
/// comes a second time.
#[tokio::test]
async fn a_line_id_is_never_used_again() {
    let app = TestApp::start().await;
    let first = app.given_line(1, 1, 2).await;
    let body = json!({"cartIds": [first]}).to_string();
    app.call_with(
        Who::Service,
        Method::POST,
        "/internal/carts/1/remove",
        body.clone(),
    )
    .await
    .ok();
    let second = app.given_line(1, 1, 2).await;
    assert!(second > first);
    assert_eq!(
        app.call_with(Who::Service, Method::POST, "/internal/carts/1/remove", body)
            .await
            .ok(),
        json!({"removed": 0})
    );
}
