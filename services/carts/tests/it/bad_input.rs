use http::Method;
use serde_json::json;

use crate::support::{TestApp, Who};

const KIM: Who = Who::Shopper(1);

#[tokio::test]
async fn counts_are_whole_numbers_from_1_to_the_maximum() {
    let app = TestApp::start().await;
    let line = app.given_line(1, 1, 2).await;
    for count in [
        "",
        "?count=",
        "?count=0",
        "?count=-3",
        "?count=1000",
        "?count=99999999999",
        "?count=1.0",
        "?count=x",
    ] {
        for (method, path) in [
            (Method::POST, "/cart/add/3".to_owned()),
            (Method::PUT, format!("/cart/update/{line}")),
        ] {
            let reply = app.call(KIM, method, &format!("{path}{count}")).await;
            assert_eq!(reply.problem(), (400, "INVALID_FIELDS"), "{count}");
            assert!(reply.body["errors"]["count"].is_string(), "{count}");
        }
    }
    assert_eq!(
        app.call(KIM, Method::POST, "/cart/add/3?count=1&count=2")
            .await
            .status
            .as_u16(),
        400
    );
    let cart = app.get(KIM, "/cart/getCart").await.ok();
    assert_eq!(cart.as_array().unwrap().len(), 1);
    assert_eq!(cart[0]["count"], 2);
}

#[tokio::test]
async fn ids_are_numbers() {
    let app = TestApp::start().await;
    for (method, path) in [
        (Method::POST, "/cart/add/x?count=1"),
        (Method::POST, "/cart/add/99999999999999999999?count=1"),
        (Method::DELETE, "/cart/delete/1.5"),
        (Method::PUT, "/cart/update/%20?count=1"),
    ] {
        assert_eq!(
            app.call(KIM, method, path).await.problem(),
            (400, "INVALID_PATH"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn who_asks_matters() {
    let app = TestApp::start().await;
    let line = app.given_line(1, 1, 2).await;
    for (method, path) in [
        (Method::POST, "/cart/add/3?count=1".to_owned()),
        (Method::DELETE, format!("/cart/delete/{line}")),
        (Method::PUT, format!("/cart/update/{line}?count=3")),
        (Method::GET, "/cart/getCart".to_owned()),
    ] {
        let reply = app.call(Who::Nobody, method.clone(), &path).await;
        assert_eq!(reply.problem(), (401, "UNAUTHENTICATED"), "{path}");
        assert_eq!(
            app.call(Who::Service, method.clone(), &path)
                .await
                .problem(),
            (401, "UNAUTHENTICATED"),
            "{path}"
        );
        assert_eq!(
            app.call(Who::Admin(1), method, &path).await.problem(),
            (403, "FORBIDDEN"),
            "{path}"
        );
    }
    assert_eq!(app.get(KIM, "/cart/getCart").await.ok()[0]["count"], 2);
}

#[tokio::test]
async fn the_originals_internal_paths_are_not_there() {
    let app = TestApp::start().await;
    assert_eq!(
        app.get(KIM, "/cart/findCart?userEmail=a").await.problem(),
        (404, "NOT_FOUND")
    );
    assert_eq!(
        app.call(KIM, Method::DELETE, "/cart/deleteAll?userEmail=a")
            .await
            .problem(),
        (404, "NOT_FOUND")
    );
    assert_eq!(
        app.call(KIM, Method::POST, "/cart/getCart")
            .await
            .problem()
            .0,
        405
    );
    assert_eq!(app.get(KIM, "/cart/getCart/").await.status.as_u16(), 404);
    assert_eq!(app.get(KIM, "/cart/getCart").await.ok(), json!([]));
}
