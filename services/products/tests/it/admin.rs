//! Adding, editing, and the stock that belongs to it.

use http::Method;
use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test]
async fn a_new_product_is_in_stock_at_once() {
    let app = TestApp::start().await;
    let body = json!({"name": "Mug", "price": 5000, "stock": 10, "description": "d",
        "imageUrl": "https://img.example/m.png", "imageName": "m", "isLimitedEdition": false});
    let added = app
        .admin(Method::POST, "/product/admin/add", body)
        .await
        .ok();
    assert!(
        added["productId"].is_i64() && added["message"].is_string(),
        "{added}"
    );
    assert_eq!(added.as_object().unwrap().len(), 2);
    let id = added["productId"].as_i64().unwrap();
    assert_eq!(
        app.stock.item(id),
        Some(("Mug".to_owned(), 10)),
        "stock knows before the admin is answered"
    );
    assert_eq!(app.products.relay.pending().await.unwrap(), 0);
}

#[tokio::test]
async fn with_stock_away_the_product_is_there_and_its_stock_follows_once() {
    let app = TestApp::start().await;
    app.stock.set_away(true);
    let id = app
        .add(json!({"name": "Mug", "price": 5000, "stock": 10}))
        .await;
    assert_eq!(
        app.get("/product/allproduct").await.ok()[0]["productId"],
        id
    );
    assert_eq!(app.products.relay.pending().await.unwrap(), 1);
    assert_eq!(app.stock.item(id), None);
    // Stock is back, but has yet to hear of it: nothing can be ordered, and an admin is told to come again.
    app.stock.set_away(false);
    assert_eq!(
        app.get(&format!("/product/detail/{id}")).await.ok()["stock"],
        0
    );
    let early = app
        .admin(
            Method::PUT,
            &format!("/product/admin/stock/{id}"),
            json!({"stock": 3}),
        )
        .await;
    assert_eq!(early.problem(), (503, "STOCK_NOT_READY"));
    assert!(early.headers.contains_key("retry-after"));
    app.clock.advance(chrono::Duration::minutes(2));
    assert_eq!(app.products.relay.drain_once().await.unwrap(), 1);
    assert_eq!(app.stock.item(id), Some(("Mug".to_owned(), 10)));
    assert_eq!(app.products.relay.drain_once().await.unwrap(), 0);
}

#[tokio::test]
async fn an_edit_changes_what_it_names() {
    let app = TestApp::start().await;
    let id = app.add(json!({"name": "Mug", "price": 5000, "stock": 10, "description": "d", "imageUrl": "1", "imageName": "one"})).await;
    let edit = |body: Value| app.admin(Method::PUT, "/product/admin/edit/1", body);
    assert_eq!(id, 1);
    let done = edit(json!({"price": 100})).await.ok();
    assert_eq!(
        (&done["statusCode"], &done["success"]),
        (&json!(200), &json!(true))
    );
    assert!(done["message"].is_string());
    edit(json!({"description": "new", "stock": 4})).await.ok();
    edit(json!({"imageUrl": "2", "imageName": "two"}))
        .await
        .ok();
    let detail = app.get("/product/detail/1").await.ok();
    assert_eq!(
        (&detail["price"], &detail["description"], &detail["stock"]),
        (&json!(100), &json!("new"), &json!(4))
    );
    assert_eq!(
        detail["imglist"],
        json!([{"imgUrl": "1", "imgName": "one"}, {"imgUrl": "2", "imgName": "two"}])
    );
    assert_eq!(
        app.get("/product/allproduct").await.ok()[0]["imgUrl"],
        "1",
        "a picture is no thumbnail by itself"
    );
    edit(json!({"imageUrl": "3", "imageName": "three", "isThumbnail": true}))
        .await
        .ok();
    assert_eq!(
        app.get("/product/allproduct").await.ok()[0]["imgName"],
        "three"
    );

    // A client that always sends every field does no harm.
    let nothing = json!({"imageUrl": "", "imageName": null, "isThumbnail": false, "price": 0, "description": null, "stock": 0});
    edit(nothing).await.ok();
    edit(json!({})).await.ok();
    let detail = app.get("/product/detail/1").await.ok();
    assert_eq!(
        (&detail["price"], &detail["description"], &detail["stock"]),
        (&json!(100), &json!("new"), &json!(4))
    );
    assert_eq!(detail["imglist"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_edit_of_nothing_known_is_404() {
    let app = TestApp::start().await;
    for body in [json!({"price": 1}), json!({"stock": 1}), json!({})] {
        let reply = app
            .admin(Method::PUT, "/product/admin/edit/999999", body)
            .await;
        assert_eq!(reply.problem(), (404, "PRODUCT_NOT_FOUND"));
    }
    let reply = app
        .admin(
            Method::PUT,
            "/product/admin/stock/999999",
            json!({"stock": 1}),
        )
        .await;
    assert_eq!(reply.problem(), (404, "PRODUCT_NOT_FOUND"));
}

#[tokio::test]
async fn an_edit_of_stock_while_stock_is_away_changes_nothing_at_all() {
    let app = TestApp::start().await;
    let id = app
        .add(json!({"name": "Mug", "price": 5000, "stock": 10}))
        .await;
    app.stock.set_away(true);
    let path = format!("/product/admin/edit/{id}");
    let refused = app
        .admin(Method::PUT, &path, json!({"price": 1, "stock": 3}))
        .await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(app.get("/product/allproduct").await.ok()[0]["price"], 5000);
    // The rest of an edit needs no stock.
    app.admin(Method::PUT, &path, json!({"price": 1}))
        .await
        .ok();
    assert_eq!(app.get("/product/allproduct").await.ok()[0]["price"], 1);
}

#[tokio::test]
async fn stock_is_set_and_changed_and_never_below_zero() {
    let app = TestApp::start().await;
    let id = app
        .add(json!({"name": "Mug", "price": 5000, "stock": 10}))
        .await;
    let path = format!("/product/admin/stock/{id}");
    for (body, left) in [
        (json!({"change": -4}), 6),
        (json!({"stock": 0}), 0),
        (json!({"change": 3}), 3),
    ] {
        let done = app.admin(Method::PUT, &path, body).await.ok();
        assert_eq!(
            (&done["statusCode"], &done["success"]),
            (&json!(200), &json!(true))
        );
        assert_eq!(app.stock.item(id).unwrap().1, left);
    }
    let refused = app.admin(Method::PUT, &path, json!({"change": -4})).await;
    assert_eq!(refused.problem(), (409, "STOCK_BELOW_ZERO"));
    assert_eq!(app.stock.item(id).unwrap().1, 3);
}

#[tokio::test]
async fn stock_hears_of_the_opening_and_of_every_limit() {
    let app = TestApp::start().await;
    let id = app
        .add(
            json!({"name": "Drop", "price": 1, "stock": 5, "isLimitedEdition": true,
            "openDateTime": "2027-05-01T10:00", "purchaseLimit": 2}),
        )
        .await;
    let opens = Some("2027-05-01T01:00:00+00:00".to_owned());
    assert_eq!(app.stock.facts(id), Some((opens.clone(), Some(2))));
    let detail = format!("/product/detail/{id}");
    assert_eq!(app.get(&detail).await.ok()["purchaseLimit"], 2);
    let path = format!("/product/admin/edit/{id}");
    // Nothing that stock has to know.
    for body in [json!({"price": 3}), json!({"purchaseLimit": 0})] {
        app.admin(Method::PUT, &path, body).await.ok();
    }
    assert_eq!(app.stock.facts(id), Some((opens.clone(), Some(2))));
    app.admin(Method::PUT, &path, json!({"purchaseLimit": 3}))
        .await
        .ok();
    assert_eq!(app.stock.facts(id), Some((opens.clone(), Some(3))));
    assert_eq!(
        app.stock.item(id),
        Some(("Drop".to_owned(), 5)),
        "the supply is booked once"
    );
    // With stock away the edit stands, and stock hears of it later.
    app.stock.set_away(true);
    app.admin(Method::PUT, &path, json!({"purchaseLimit": 1}))
        .await
        .ok();
    assert_eq!(app.get(&detail).await.ok()["purchaseLimit"], 1);
    app.stock.set_away(false);
    app.clock.advance(chrono::Duration::minutes(2));
    assert_eq!(app.products.relay.drain_once().await.unwrap(), 1);
    assert_eq!(app.stock.facts(id), Some((opens, Some(1))));
    assert!(
        app.admin(Method::PUT, &path, json!({"purchaseLimit": -1}))
            .await
            .fields()
            .contains(&"purchaseLimit")
    );
    let plain = app.add(json!({"name": "Mug", "price": 1})).await;
    let page = app.get(&format!("/product/detail/{plain}")).await.ok();
    assert!(
        page.get("purchaseLimit").is_none(),
        "the original's fields: {page}"
    );
}

#[tokio::test]
async fn stock_hears_of_openings_from_before_the_upgrade() {
    let app = TestApp::upgraded(
        "INSERT INTO product (name, price, is_limited_edition, open_date_time, created_at, updated_at) VALUES \
         ('\u{d55c}\u{c815} \"1\"', 1, 1, '2027-05-01 01:00:00.250000', NOW(6), NOW(6)), ('Mug', 1, 0, NULL, NOW(6), NOW(6))",
    )
    .await;
    // The rows are dated by the database, and this test's time is another one.
    app.clock.advance(chrono::Duration::days(36_500));
    assert_eq!(app.products.relay.drain_once().await.unwrap(), 1);
    let opens = Some("2027-05-01T01:00:00.250+00:00".to_owned());
    assert_eq!(app.stock.facts(1), Some((opens, None)));
    assert_eq!(app.stock.item(1), Some(("한정 \"1\"".to_owned(), 0)));
    assert_eq!(app.stock.facts(2), None);
}
