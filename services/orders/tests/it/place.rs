use std::sync::Arc;
use std::time::Duration as Wait;

use chrono::Duration;
use http::Method;
use mall_stock_api::{Reserve, ReserveLine, StockApi};
use mall_testkit::eventually;
use mall_types::{ProductId, Role, UserId};
use serde_json::json;

use crate::fakes::Fault;
use crate::support::{ALICE, BOB, MUG, PEN, World};

#[tokio::test]
async fn an_order_is_placed() {
    let world = World::new().await;
    let answer = world.order(ALICE, MUG, 2).await;
    let order = answer.body["orderId"].as_i64().unwrap();
    assert_eq!(
        (answer.status, &answer.body),
        (200, &json!({"orderId": order}))
    );
    assert_eq!(world.stock.pieces(MUG), (8, 2, 0));
    let detail = world.detail(ALICE, order).await.body;
    assert_eq!(
        detail,
        json!({
            "orderId": order, "orderDate": "2024-05-01T10:00:00+09:00", "orderStatus": "WAITING_PAYING",
            "orderProductList": [{"count": 2, "productName": "Mug", "price": 5000, "productId": MUG}],
            "history": [{"orderStatus": "WAITING_PAYING", "at": "2024-05-01T10:00:00+09:00", "cause": "PLACED"}],
        })
    );
    assert_eq!(world.list(ALICE).await, json!([]));
    world.quiet().await;
    assert_eq!(world.stock.pieces(MUG), (8, 2, 0));
}

#[tokio::test]
async fn refusals_change_nothing() {
    let world = World::new().await;
    let opens = world.now() + Duration::milliseconds(750);
    world.limited(5, opens);
    world.products.views.lock().unwrap().remove(&ProductId(PEN));
    let sold_out = world.order(ALICE, MUG, 10).await;
    assert_eq!(sold_out.status, 200);
    let sold_out = world.order(ALICE, MUG, 1).await;
    assert_eq!(sold_out.code(), (409, "SOLD_OUT"));
    assert_eq!(sold_out.body["productId"], MUG);
    world.offer(6, "Few", 1, 3);
    let few = world.order(ALICE, 6, 4).await;
    assert_eq!(
        (few.code(), &few.body["available"]),
        ((409, "INSUFFICIENT_STOCK"), &json!(3))
    );
    assert_eq!(
        world.order(ALICE, PEN, 1).await.code(),
        (404, "PRODUCT_NOT_FOUND")
    );
    assert_eq!(
        world.order(ALICE, 999_999, 1).await.code(),
        (404, "PRODUCT_NOT_FOUND")
    );
    let early = world.order(ALICE, 5, 1).await;
    assert_eq!(early.code(), (409, "NOT_YET_OPEN"));
    assert_eq!(early.body["openDateTime"], "2024-05-01T10:00:01+09:00");
    assert_eq!(world.orders().await, 1);
    world.pass(1);
    assert_eq!(world.order(ALICE, 5, 1).await.status, 200);
    assert_eq!(world.stock.pieces(5), (4, 1, 0));
    assert_eq!(world.stock.pieces(6), (3, 0, 0));
}

#[tokio::test]
async fn a_product_that_was_sold_out_just_now_is_refused_without_asking() {
    let world = World::marking(3600).await;
    assert_eq!(world.order(ALICE, MUG, 10).await.status, 200);
    let asked = world.order(ALICE, MUG, 1).await;
    assert_eq!(asked.code(), (409, "SOLD_OUT"));
    world.products.line.away(true);
    world.stock.line.away(true);
    let marked = world.order(ALICE, MUG, 1).await;
    assert_eq!(marked.code(), (409, "SOLD_OUT"));
    assert_eq!(marked.body["productId"], asked.body["productId"]);
    assert_eq!(marked.body["available"], asked.body["available"]);
    // Other products are asked for.
    assert_eq!(world.order(ALICE, PEN, 1).await.status, 503);
    world.products.line.away(false);
    world.stock.line.away(false);
    assert_eq!(world.order(ALICE, PEN, 1).await.status, 200);
    assert_eq!(world.orders().await, 2);
}

/// The mark itself would last for an hour: what ends it is that stock was asked.
#[tokio::test]
async fn pieces_that_are_back_are_sold_to_whoever_comes_next() {
    let world = World::marking(3600).await;
    assert_eq!(world.order(ALICE, MUG, 10).await.status, 200);
    assert_eq!(world.order(BOB, MUG, 1).await.code(), (409, "SOLD_OUT"));
    for back in 1..=3 {
        {
            let mut shelf = world.stock.shelf.lock().unwrap();
            shelf.available.insert(ProductId(MUG), 1);
        }
        eventually(Wait::from_secs(10), || async {
            let answer = world.order(BOB, MUG, 1).await;
            match answer.code() {
                (200, _) => Ok(()),
                code => Err(format!("{code:?}")),
            }
        })
        .await;
        assert_eq!(world.order(ALICE, MUG, 1).await.code(), (409, "SOLD_OUT"));
        assert_eq!(world.stock.pieces(MUG), (0, 10 + back, 0));
    }
}

#[tokio::test]
async fn too_few_or_an_answer_that_may_be_wrong_mark_nothing() {
    let world = World::marking(3600).await;
    let few = world.order(ALICE, PEN, 3).await;
    assert_eq!(few.code(), (409, "INSUFFICIENT_STOCK"));
    assert_eq!(world.order(ALICE, PEN, 1).await.status, 200);
    // The first attempt got through; its pieces come back.
    world.stock.line.faults(&[Fault::RefuseSecondAttempt]);
    assert_eq!(world.order(ALICE, MUG, 10).await.code(), (409, "SOLD_OUT"));
    world.quiet().await;
    assert_eq!(world.order(ALICE, MUG, 10).await.status, 200);
}

#[tokio::test]
async fn malformed_orders_are_refused_with_their_fields() {
    let world = World::new().await;
    for (body, fields) in [
        ("{}", vec!["productId", "quantity"]),
        (r#"{"productId":3}"#, vec!["quantity"]),
        (r#"{"productId":3,"quantity":null}"#, vec!["quantity"]),
        (r#"{"productId":3,"quantity":0}"#, vec!["quantity"]),
        (r#"{"productId":3,"quantity":-4}"#, vec!["quantity"]),
        (r#"{"productId":3,"quantity":1001}"#, vec!["quantity"]),
        (r#"{"productId":3,"quantity":1,"x":1}"#, vec!["x"]),
        (r#"{"productId":"3","quantity":1}"#, vec!["productId"]),
        (r#"{"productId":3,"quantity":1.5}"#, vec!["quantity"]),
        (
            r#"{"productId":3,"quantity":99999999999999999999}"#,
            vec!["quantity"],
        ),
        ("", vec![]),
        ("{", vec![]),
    ] {
        let caller = Some((ALICE, Role::User));
        let answer = world
            .send(
                caller,
                Method::POST,
                "/order/orderProduct",
                Some(body.into()),
            )
            .await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.content_type, "application/problem+json");
        let named: Vec<_> = answer.body["errors"]
            .as_object()
            .map(|e| e.keys().cloned().collect())
            .unwrap_or_default();
        assert_eq!(named, fields, "{body}");
    }
    world.offer(9, "Priceless", i64::MAX / 2, 10);
    assert_eq!(
        world.order(ALICE, 9, 3).await.code(),
        (400, "INVALID_FIELDS")
    );
    assert_eq!(world.orders().await, 0);
}

#[tokio::test]
async fn a_service_that_is_away_is_503() {
    let world = World::new().await;
    world.products.line.away(true);
    let answer = world.order(ALICE, MUG, 1).await;
    assert_eq!(
        (answer.code(), answer.retry_after),
        ((503, "SERVICE_UNAVAILABLE"), true)
    );
    world.products.line.away(false);
    world.stock.line.away(true);
    let answer = world.order(ALICE, MUG, 1).await;
    assert_eq!(
        (answer.code(), answer.retry_after),
        ((503, "SERVICE_UNAVAILABLE"), true)
    );
    world.stock.line.away(false);
    world.quiet().await;
    assert_eq!(world.orders().await, 0);
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
}

#[tokio::test]
async fn a_reservation_of_unknown_outcome_is_given_back_and_closed() {
    for fault in [Fault::LoseAnswer, Fault::LoseRequest] {
        let world = World::new().await;
        world.stock.line.faults(&[fault]);
        assert_eq!(world.order(ALICE, MUG, 2).await.status, 503, "{fault:?}");
        world.quiet().await;
        assert_eq!(world.stock.pieces(MUG), (10, 0, 0), "{fault:?}");
        assert_eq!(world.orders().await, 0);
        // A request that only arrives now finds its id closed.
        let id = world
            .stock
            .shelf
            .lock()
            .unwrap()
            .reservations
            .keys()
            .next()
            .unwrap()
            .clone();
        let lines = vec![ReserveLine {
            product_id: ProductId(MUG),
            quantity: 2,
        }];
        let late = Reserve {
            reservation_id: id,
            buyer: UserId(ALICE),
            lines,
        };
        assert_eq!(
            world.stock.reserve(&late).await.unwrap_err().code(),
            Some("RESERVATION_CLOSED")
        );
        world.stock.assert_released_once();
    }
}

#[tokio::test]
async fn a_refused_second_attempt_leaves_nothing_of_a_first_one_that_got_through() {
    let world = World::new().await;
    world.stock.line.faults(&[Fault::RefuseSecondAttempt]);
    let answer = world.order(ALICE, MUG, 2).await;
    assert_eq!(answer.code(), (409, "SOLD_OUT"));
    world.quiet().await;
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    assert_eq!(world.orders().await, 0);
    world.stock.assert_released_once();
}

#[tokio::test]
async fn an_order_goes_on_when_its_shopper_closes_the_page() {
    let world = Arc::new(World::new().await);
    world.stock.line.faults(&[Fault::HoldAnswer]);
    let request = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.order(ALICE, MUG, 2).await }
    });
    world.stock.line.until_held().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    world.stock.line.let_go();
    eventually(Wait::from_secs(10), || async {
        if world.orders().await == 1 {
            Ok(())
        } else {
            Err("no order")
        }
    })
    .await;
    assert_eq!(world.stock.pieces(MUG), (8, 2, 0));
}
