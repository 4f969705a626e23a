//! Every bad input is a 4xx with its fields named, and changes nothing.

use http::Method;
use serde_json::{Value, json};

use crate::support::{TestApp, Who};

fn mug(more: Value) -> Value {
    let mut body = json!({"name": "Mug", "price": 5000, "stock": 10});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_product_is_checked_as_a_whole() {
    let app = TestApp::start().await;
    let long = "x".repeat(256);
    for (body, fields) in [
        (json!({}), vec!["name", "price"]),
        (mug(json!({"name": null})), vec!["name"]),
        (mug(json!({"name": ""})), vec!["name"]),
        (mug(json!({"name": long})), vec!["name"]),
        (
            mug(json!({"price": -1, "stock": -1})),
            vec!["price", "stock"],
        ),
        (mug(json!({"price": "700"})), vec!["price"]),
        (mug(json!({"price": 700.9})), vec!["price"]),
        (
            mug(json!({"isLimitedEdition": "false"})),
            vec!["isLimitedEdition"],
        ),
        (mug(json!({"foo": 1})), vec!["foo"]),
        (mug(json!({"isLimitedEdition": true})), vec!["openDateTime"]),
        (
            mug(json!({"isLimitedEdition": true, "openDateTime": "2027-05-01 10:00:00"})),
            vec!["openDateTime"],
        ),
        (
            mug(json!({"isLimitedEdition": true, "openDateTime": 1_809_165_600})),
            vec!["openDateTime"],
        ),
    ] {
        let reply = app
            .admin(Method::POST, "/product/admin/add", body.clone())
            .await;
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.fields(), fields, "{body}: {}", reply.body);
    }
    for (body, code) in [
        ("{", "INVALID_JSON"),
        ("{} x", "INVALID_JSON"),
        ("[1]", "INVALID_BODY"),
        ("", "INVALID_JSON"),
    ] {
        let reply = app
            .call(
                Who::Admin,
                Method::POST,
                "/product/admin/add",
                Some(body.to_owned()),
            )
            .await;
        assert_eq!(reply.problem(), (400, code), "{body}");
    }
    assert_eq!(
        app.call(Who::Admin, Method::POST, "/product/admin/add", None)
            .await
            .status,
        415
    );
    assert_eq!(
        app.get("/product/allproduct").await.ok(),
        json!([]),
        "nothing was added"
    );
}

#[tokio::test]
async fn edits_and_stock_are_checked_too() {
    let app = TestApp::start().await;
    let id = app.add(mug(json!({}))).await;
    for (path, body) in [
        ("edit", json!({"price": -1})),
        ("edit", json!({"stock": -1})),
        ("edit", json!({"description": "x".repeat(256)})),
        ("edit", json!({"name": "the name is not editable"})),
        ("edit", json!({"isThumbnail": 1})),
        ("stock", json!({})),
        ("stock", json!({"stock": 1, "change": 1})),
        ("stock", json!({"stock": -1})),
        ("stock", json!({"change": 0})),
        ("stock", json!({"change": 1.5})),
    ] {
        let reply = app
            .admin(
                Method::PUT,
                &format!("/product/admin/{path}/{id}"),
                body.clone(),
            )
            .await;
        assert_eq!(reply.status, 400, "{path} {body}: {}", reply.body);
    }
    assert_eq!(app.stock.item(id).unwrap().1, 10);
    assert_eq!(
        app.get(&format!("/product/detail/{id}")).await.ok()["price"],
        5000
    );
    let huge = format!("/product/admin/edit/{}", "9".repeat(30));
    assert_eq!(
        app.admin(Method::PUT, &huge, json!({})).await.problem(),
        (400, "INVALID_PATH")
    );
}

#[tokio::test]
async fn admin_paths_are_the_admins() {
    let app = TestApp::start().await;
    let body = Some(mug(json!({})).to_string());
    for (method, path) in [
        (Method::POST, "/product/admin/add"),
        (Method::PUT, "/product/admin/edit/1"),
        (Method::PUT, "/product/admin/stock/1"),
    ] {
        for (who, status) in [(Who::Nobody, 401), (Who::Shopper, 403), (Who::Service, 401)] {
            assert_eq!(
                app.call(who, method.clone(), path, body.clone())
                    .await
                    .status,
                status,
                "{path}"
            );
        }
    }
    let reply = app
        .call(Who::Admin, Method::GET, "/product/admin/add", None)
        .await;
    assert_eq!(reply.status, 405);
    assert_eq!(reply.headers["allow"], "POST");
    assert_eq!(app.get("/product/allproduct").await.ok(), json!([]));
}
