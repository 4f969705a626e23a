use http::Method;
use mall_types::Role;
use serde_json::json;

use crate::support::{ALICE, BOB, MUG, PEN, World};

#[tokio::test]
async fn the_list_is_the_originals_newest_first_and_needs_nobody_else() {
    let world = World::new().await;
    let first = world.paid().await;
    world.pass(60);
    world.put_in_cart(ALICE, PEN, 1);
    world.put_in_cart(ALICE, MUG, 3);
    let second = world.order_cart(ALICE).await.body["orderId"]
        .as_i64()
        .unwrap();
    world
        .pay_with(ALICE, second, json!({"isCanceled": true}))
        .await;
    let _unpaid = world.placed().await;
    // Name and price are those of the order, whatever becomes of the product.
    world.offer(MUG, "Dearer mug", 9999, 1);
    world.products.line.away(true);
    world.products.views.lock().unwrap().clear();
    assert_eq!(
        world.list(ALICE).await,
        json!([
            {
                "orderId": second, "orderDate": "2024-05-01T10:01:00+09:00", "orderStatus": "ORDER_CANCEL",
                "orderProductList": [
                    {"count": 1, "productName": "Pen", "price": 700, "productId": PEN},
                    {"count": 3, "productName": "Mug", "price": 5000, "productId": MUG},
                ],
            },
            {
                "orderId": first, "orderDate": "2024-05-01T10:00:00+09:00", "orderStatus": "ORDER_COMPLETE",
                "orderProductList": [{"count": 2, "productName": "Mug", "price": 5000, "productId": MUG}],
            },
        ])
    );
    assert_eq!(world.list(BOB).await, json!([]));
}

#[tokio::test]
async fn an_order_is_shown_to_its_owner_and_to_admins() {
    let world = World::new().await;
    let order = world.paid().await;
    let mine = world.detail(ALICE, order).await;
    assert_eq!(mine.status, 200);
    assert_eq!(
        world.detail(BOB, order).await.code(),
        (404, "ORDER_NOT_FOUND")
    );
    assert_eq!(
        world.detail(ALICE, 999).await.code(),
        (404, "ORDER_NOT_FOUND")
    );
    assert_eq!(
        world
            .call(ALICE, Method::GET, "/order/x", None)
            .await
            .code(),
        (400, "INVALID_PATH")
    );
    let path = format!("/admin/orders/{order}");
    let admin = world
        .send(Some((1, Role::Admin)), Method::GET, &path, None)
        .await;
    for (field, value) in mine.body.as_object().unwrap() {
        if field != "history" {
            assert_eq!(&admin.body[field], value, "{field}");
        }
    }
    assert_eq!(
        world
            .send(Some((ALICE, Role::User)), Method::GET, &path, None)
            .await
            .status,
        403
    );
    assert_eq!(world.send(None, Method::GET, &path, None).await.status, 401);
}

#[tokio::test]
async fn every_endpoint_wants_a_shopper() {
    let world = World::new().await;
    let order = world.placed().await;
    for (method, path) in [
        (Method::POST, "/order/orderProduct".to_owned()),
        (Method::POST, "/order/orderCartList".to_owned()),
        (Method::PUT, format!("/order/payOrder/{order}")),
        (Method::GET, "/order/orderlist".to_owned()),
        (Method::PUT, format!("/order/cancel/{order}")),
        (Method::PUT, format!("/order/refund/{order}")),
        (Method::GET, format!("/order/{order}")),
    ] {
        assert_eq!(
            world
                .send(None, method.clone(), &path, Some("{}".into()))
                .await
                .status,
            401,
            "{method} {path}"
        );
        let admin = Some((ALICE, Role::Admin));
        assert_eq!(
            world
                .send(admin, method.clone(), &path, Some("{}".into()))
                .await
                .status,
            403,
            "{method} {path}"
        );
    }
    assert_eq!(world.status(order).await, "WAITING_PAYING");
}
