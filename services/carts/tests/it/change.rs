use http::Method;
use serde_json::json;

use crate::support::{TestApp, Who};

const KIM: Who = Who::Shopper(1);
const LEE: Who = Who::Shopper(2);

#[tokio::test]
async fn the_owner_changes_and_deletes_a_line() {
    let app = TestApp::start().await;
    let line = app.given_line(1, 1, 2).await;
    let changed = app
        .call(KIM, Method::PUT, &format!("/cart/update/{line}?count=5"))
        .await
        .ok();
    assert_eq!(
        (&changed["statusCode"], &changed["success"]),
        (&json!(200), &json!(true))
    );
    assert!(changed["message"].is_string());
    app.call(KIM, Method::PUT, &format!("/cart/update/{line}?count=5"))
        .await
        .ok();
    assert_eq!(app.get(KIM, "/cart/getCart").await.ok()[0]["count"], 5);
    app.call(KIM, Method::DELETE, &format!("/cart/delete/{line}"))
        .await
        .ok();
    assert_eq!(
        app.call(KIM, Method::DELETE, &format!("/cart/delete/{line}"))
            .await
            .problem(),
        (404, "CART_LINE_NOT_FOUND")
    );
    assert_eq!(app.get(KIM, "/cart/getCart").await.ok(), json!([]));
}

#[tokio::test]
async fn somebody_elses_line_is_as_an_unknown_one() {
    let app = TestApp::start().await;
    let line = app.given_line(1, 1, 2).await;
    for (method, action) in [(Method::PUT, "update"), (Method::DELETE, "delete")] {
        let theirs = app
            .call(
                LEE,
                method.clone(),
                &format!("/cart/{action}/{line}?count=6"),
            )
            .await;
        let unknown = app
            .call(LEE, method, &format!("/cart/{action}/999999?count=6"))
            .await;
        assert_eq!(theirs.problem(), (404, "CART_LINE_NOT_FOUND"));
        assert_eq!(theirs.body, unknown.body);
    }
    assert_eq!(app.get(KIM, "/cart/getCart").await.ok()[0]["count"], 2);
    assert_eq!(app.get(LEE, "/cart/getCart").await.ok(), json!([]));
}
