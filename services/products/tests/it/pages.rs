//! What shoppers see.

use http::Method;
use serde_json::json;

use crate::support::{TestApp, Who};

#[tokio::test]
async fn the_list_shows_every_product_with_its_thumbnail() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/product/allproduct").await.ok(), json!([]));
    let tee = app
        .add(json!({"name": "Tee", "price": 12000, "imageUrl": "http://x/i.png", "imageName": "i"}))
        .await;
    let bare = app.add(json!({"name": "Bare", "price": 0})).await;
    let expected = json!([
        {"productId": tee, "name": "Tee", "price": 12000, "imgUrl": "http://x/i.png", "imgName": "i"},
        {"productId": bare, "name": "Bare", "price": 0, "imgUrl": null, "imgName": null},
    ]);
    assert_eq!(app.get("/product/allproduct").await.ok(), expected);
    app.stock.set_away(true);
    assert_eq!(
        app.get("/product/allproduct").await.ok(),
        expected,
        "browsing needs no stock"
    );
}

#[tokio::test]
async fn a_detail_page_shows_the_stock() {
    let app = TestApp::start().await;
    let id = app
        .add(json!({"name": "Mug", "price": 5000, "stock": 10, "description": "d", "imageUrl": "https://img.example/m.png",
            "imageName": "m", "openDateTime": "2027-05-01T10:00"}))
        .await;
    let path = format!("/product/detail/{id}");
    let expected = json!({"name": "Mug", "description": "d", "stock": 10, "price": 5000,
        "imglist": [{"imgUrl": "https://img.example/m.png", "imgName": "m"}],
        "isLimitedEdition": false, "openDateTime": null, "isOpen": true});
    assert_eq!(app.get(&path).await.ok(), expected);
    app.stock.set_away(true);
    let refused = app.get(&path).await;
    assert_eq!(
        refused.status, 503,
        "the count must be shown, so it can't be made up"
    );
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(
        app.get("/product/detail/999999").await.problem(),
        (404, "PRODUCT_NOT_FOUND")
    );
    assert_eq!(
        app.get("/product/detail/abc").await.problem(),
        (400, "INVALID_PATH")
    );
    assert_eq!(app.get(&format!("{path}/")).await.status, 404);
}

#[tokio::test]
async fn a_limited_edition_hides_its_stock_and_opens_at_its_time() {
    let app = TestApp::start().await;
    let limited = |time: serde_json::Value| json!({"name": "Drop", "price": 1, "stock": 10, "isLimitedEdition": true, "openDateTime": time});
    let id = app.add(limited(json!("2026-05-01T10:00:30"))).await;
    let path = format!("/product/detail/{id}");
    app.stock.set_away(true);
    let detail = app.get(&path).await.ok();
    assert_eq!(detail["openDateTime"], "2026-05-01T10:00:30+09:00");
    assert_eq!(
        (
            &detail["stock"],
            &detail["isLimitedEdition"],
            &detail["isOpen"]
        ),
        (&json!(0), &json!(true), &json!(false)),
        "without asking stock"
    );
    app.clock.advance(chrono::Duration::seconds(30));
    assert_eq!(app.get(&path).await.ok()["isOpen"], true);

    app.stock.set_away(false);
    for (time, shown) in [
        (json!("2027-05-01T10:00"), "2027-05-01T10:00:00+09:00"),
        (json!("2027-05-01T10:00:00.25"), "2027-05-01T10:00:00.25"),
        (json!("2027-05-01T10:00:00Z"), "2027-05-01T19:00:00+09:00"),
        (
            json!("2027-05-01T10:00:00-05:00"),
            "2027-05-02T00:00:00+09:00",
        ),
        (json!([2027, 5, 1, 10, 0, 5]), "2027-05-01T10:00:05+09:00"),
        (json!([2020, 1, 1, 0, 0]), "2020-01-01T00:00:00+09:00"),
    ] {
        let id = app.add(limited(time.clone())).await;
        let detail = app.get(&format!("/product/detail/{id}")).await.ok();
        assert!(
            detail["openDateTime"].as_str().unwrap().starts_with(shown),
            "{time}: {}",
            detail["openDateTime"]
        );
    }
}

#[tokio::test]
async fn without_a_database_it_is_503() {
    let app = TestApp::without_database().await;
    for path in ["/product/allproduct", "/product/detail/1"] {
        let reply = app.get(path).await;
        assert_eq!(reply.problem(), (503, "DATABASE_UNAVAILABLE"));
        assert!(reply.headers.contains_key("retry-after"));
    }
    let body = json!({"name": "Mug", "price": 1}).to_string();
    assert_eq!(
        app.call(Who::Admin, Method::POST, "/product/admin/add", Some(body))
            .await
            .status,
        503
    );
}
