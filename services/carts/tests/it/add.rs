use futures_util::future::join_all;
use http::Method;
use serde_json::json;

use crate::support::{TestApp, Who};

const KIM: Who = Who::Shopper(1);

#[tokio::test]
async fn a_product_is_added_once() {
    let app = TestApp::start().await;
    let added = app
        .call(KIM, Method::POST, "/cart/add/1?count=2")
        .await
        .ok();
    let id = added["cartId"].as_i64().unwrap();
    assert_eq!(added, json!({"cartId": id}));
    assert_eq!(
        app.call(KIM, Method::POST, "/cart/add/1?count=2")
            .await
            .problem(),
        (409, "ALREADY_IN_CART")
    );
    app.given_line(2, 1, 5).await;
    let cart = app.get(KIM, "/cart/getCart").await.ok();
    assert_eq!(
        cart,
        json!([{"productId": 1, "productName": "Tee", "price": 12000, "count": 2, "cartId": id}])
    );
}

#[tokio::test]
async fn twenty_presses_at_once_make_one_line() {
    let app = TestApp::start().await;
    let presses = (0..20).map(|_| app.call(KIM, Method::POST, "/cart/add/1?count=1"));
    let mut statuses: Vec<u16> = join_all(presses)
        .await
        .iter()
        .map(|reply| reply.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, [409; 19].as_slice()));
}

#[tokio::test]
async fn an_unknown_product_is_404() {
    let app = TestApp::start().await;
    assert_eq!(
        app.call(KIM, Method::POST, "/cart/add/999999?count=1")
            .await
            .problem(),
        (404, "PRODUCT_NOT_FOUND")
    );
    assert_eq!(
        app.call(KIM, Method::POST, "/cart/add/-1?count=1")
            .await
            .problem(),
        (404, "PRODUCT_NOT_FOUND")
    );
    assert_eq!(app.get(KIM, "/cart/getCart").await.ok(), json!([]));
}

#[tokio::test]
async fn a_cart_has_a_limit() {
    let app = TestApp::start().await;
    for product in [1, 3, 4] {
        app.given_line(1, product, 1).await;
    }
    app.products
        .known
        .lock()
        .unwrap()
        .insert(mall_types::ProductId(5), ("Cap", 1));
    assert_eq!(
        app.call(KIM, Method::POST, "/cart/add/5?count=1")
            .await
            .problem(),
        (409, "CART_FULL")
    );
}

#[tokio::test]
async fn a_product_that_is_gone_costs_only_its_own_line() {
    let app = TestApp::start().await;
    let (tee, mug) = (app.given_line(1, 1, 2).await, app.given_line(1, 3, 1).await);
    app.products
        .known
        .lock()
        .unwrap()
        .remove(&mall_types::ProductId(1));
    let cart = app.get(KIM, "/cart/getCart").await.ok();
    assert_eq!(
        cart,
        json!([
            {"productId": 1, "productName": null, "price": 0, "count": 2, "cartId": tee},
            {"productId": 3, "productName": "Mug", "price": 5000, "count": 1, "cartId": mug},
        ])
    );
}
