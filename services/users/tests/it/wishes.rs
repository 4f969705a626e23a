use http::Method;
use mall_types::{ProductId, Role};
use serde_json::{Value, json};

use crate::support::{TestApp, identity};

#[tokio::test]
async fn a_wish_list_is_its_owners() {
    let app = TestApp::start().await;
    let (kim, lee) = (
        identity(1, Role::User, &*app.clock),
        identity(2, Role::User, &*app.clock),
    );
    for product in [3, 1] {
        app.call(
            &kim,
            Method::POST,
            &format!("/wish/add/{product}"),
            Value::Null,
        )
        .await
        .ok();
    }
    assert_eq!(
        app.call(&kim, Method::POST, "/wish/add/1", Value::Null)
            .await
            .problem(),
        (409, "ALREADY_WISHED")
    );
    let list = app
        .call(&kim, Method::GET, "/wish/list", Value::Null)
        .await
        .ok();
    assert_eq!(
        list,
        json!([
            {"productId": 3, "name": "Mug", "price": 5000, "imgUrl": "http://x/3.png", "imgName": "i"},
            {"productId": 1, "name": "Tee", "price": 12000, "imgUrl": "http://x/1.png", "imgName": "i"},
        ])
    );
    assert_eq!(
        app.call(&lee, Method::GET, "/wish/list", Value::Null)
            .await
            .ok(),
        json!([])
    );
    assert_eq!(
        app.call(&lee, Method::DELETE, "/wish/delete/1", Value::Null)
            .await
            .problem(),
        (404, "WISH_NOT_FOUND")
    );
    app.call(&kim, Method::DELETE, "/wish/delete/1", Value::Null)
        .await
        .ok();
    assert_eq!(
        app.call(&kim, Method::DELETE, "/wish/delete/1", Value::Null)
            .await
            .problem(),
        (404, "WISH_NOT_FOUND")
    );
    assert_eq!(
        app.call(&kim, Method::GET, "/wish/list", Value::Null)
            .await
            .ok()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn unknown_and_vanished_products() {
    let app = TestApp::start().await;
    let kim = identity(1, Role::User, &*app.clock);
    assert_eq!(
        app.call(&kim, Method::POST, "/wish/add/999999", Value::Null)
            .await
            .problem(),
        (404, "PRODUCT_NOT_FOUND")
    );
    assert_eq!(
        app.call(&kim, Method::POST, "/wish/add/x", Value::Null)
            .await
            .problem(),
        (400, "INVALID_PATH")
    );
    app.call(&kim, Method::POST, "/wish/add/1", Value::Null)
        .await
        .ok();
    app.call(&kim, Method::POST, "/wish/add/3", Value::Null)
        .await
        .ok();
    app.products.known.lock().unwrap().remove(&ProductId(1));
    let list = app
        .call(&kim, Method::GET, "/wish/list", Value::Null)
        .await
        .ok();
    assert_eq!(
        list[0],
        json!({"productId": 1, "name": null, "price": 0, "imgUrl": null, "imgName": null})
    );
    assert_eq!(list[1]["name"], "Mug");
}

#[tokio::test]
async fn products_away_are_told() {
    let app = TestApp::start().await;
    let kim = identity(1, Role::User, &*app.clock);
    app.call(&kim, Method::POST, "/wish/add/1", Value::Null)
        .await
        .ok();
    *app.products.away.lock().unwrap() = true;
    assert_eq!(
        app.call(&kim, Method::POST, "/wish/add/3", Value::Null)
            .await
            .problem(),
        (503, "SERVICE_UNAVAILABLE")
    );
    assert_eq!(
        app.call(&kim, Method::GET, "/wish/list", Value::Null)
            .await
            .problem(),
        (503, "SERVICE_UNAVAILABLE")
    );
    app.call(&kim, Method::DELETE, "/wish/delete/1", Value::Null)
        .await
        .ok();
    assert_eq!(
        app.call(&kim, Method::GET, "/wish/list", Value::Null)
            .await
            .ok(),
        json!([]),
        "nothing to ask for"
    );
}

#[tokio::test]
async fn a_list_has_a_limit_and_an_owner_who_shops() {
    let app = TestApp::start().await;
    let kim = identity(1, Role::User, &*app.clock);
    for product in [1, 3, 4] {
        app.call(
            &kim,
            Method::POST,
            &format!("/wish/add/{product}"),
            Value::Null,
        )
        .await
        .ok();
    }
    assert_eq!(
        app.call(&kim, Method::POST, "/wish/add/5", Value::Null)
            .await
            .problem(),
        (409, "WISH_LIST_FULL")
    );
    let admin = identity(9, Role::Admin, &*app.clock);
    for (method, path) in [
        (Method::POST, "/wish/add/1"),
        (Method::DELETE, "/wish/delete/1"),
        (Method::GET, "/wish/list"),
    ] {
        assert_eq!(
            app.call(&admin, method.clone(), path, Value::Null)
                .await
                .problem(),
            (403, "FORBIDDEN")
        );
        let nobody = app
            .send(Default::default(), method, path, axum::body::Body::empty())
            .await;
        assert_eq!(nobody.problem(), (401, "UNAUTHENTICATED"));
    }
}
