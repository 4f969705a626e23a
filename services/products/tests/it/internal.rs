//! What other services ask.

use http::Method;
use serde_json::json;

use crate::support::{TestApp, Who};

#[tokio::test]
async fn products_come_in_the_order_asked_with_repeats_and_without_unknown_ones() {
    let app = TestApp::start().await;
    let tee = app
        .add(json!({"name": "Tee", "price": 12000, "imageUrl": "http://x/i.png", "imageName": "i"}))
        .await;
    let drop = json!({"name": "Drop", "price": 1, "isLimitedEdition": true, "openDateTime": "2027-05-01T10:00"});
    let drop = app.add(drop).await;
    let path = format!("/internal/products?ids={drop},999999,{tee},{drop}");
    let found = app.call(Who::Service, Method::GET, &path, None).await.ok();
    let tee = json!({"productId": tee, "name": "Tee", "price": 12000, "imgUrl": "http://x/i.png", "imgName": "i",
        "isLimitedEdition": false, "openDateTime": null, "purchaseLimit": null});
    let drop = json!({"productId": drop, "name": "Drop", "price": 1, "imgUrl": null, "imgName": null,
        "isLimitedEdition": true, "openDateTime": "2027-05-01T01:00:00Z", "purchaseLimit": null});
    assert_eq!(found, json!([drop, tee, drop]));
    assert_eq!(
        app.call(Who::Service, Method::GET, "/internal/products?ids=", None)
            .await
            .ok(),
        json!([])
    );
}

#[tokio::test]
async fn it_answers_services_only_and_sensible_questions_only() {
    let app = TestApp::start().await;
    for who in [Who::Nobody, Who::Shopper, Who::Admin] {
        assert_eq!(
            app.call(who, Method::GET, "/internal/products?ids=1", None)
                .await
                .status,
            401
        );
    }
    let many = format!("/internal/products?ids={}", vec!["1"; 1001].join(","));
    for path in [
        "/internal/products",
        "/internal/products?ids=x",
        many.as_str(),
    ] {
        assert_eq!(
            app.call(Who::Service, Method::GET, path, None)
                .await
                .problem(),
            (400, "INVALID_QUERY")
        );
    }
}
