use http::Method;
use mall_orders::status::{TRANSITIONS, by_admin};
use mall_types::Role;
use serde_json::{Value, json};

use crate::fakes::Fault;
use crate::replica::ADMIN;
use crate::support::{ALICE, Answered, BOB, MUG, PEN, World};

async fn found(world: &World, query: &str) -> (Vec<i64>, Value) {
    let path = format!("/admin/orders{query}");
    let answer = world.admin(Method::GET, &path, None).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    let orders = answer.body["orders"].as_array().unwrap().iter();
    let ids = orders.map(|order| order["orderId"].as_i64().unwrap());
    (ids.collect(), answer.body["next"].clone())
}

async fn move_to(world: &World, order: i64, to: &str) -> Answered {
    let path = format!("/admin/orders/{order}/move");
    let body = json!({"to": to, "reason": "by phone"});
    world.admin(Method::POST, &path, Some(body)).await
}

/// Six orders: of Alice and Bob in turn, the fourth of two products, one minute apart, the third one paid.
async fn six(world: &World) -> Vec<i64> {
    world.offer(MUG, "Mug", 5000, 100);
    world.offer(PEN, "Pen", 700, 100);
    let mut orders = Vec::new();
    for number in 0..6 {
        let user = if number % 2 == 0 { ALICE } else { BOB };
        let answer = match number {
            3 => {
                world.put_in_cart(user, PEN, 1);
                world.put_in_cart(user, MUG, 2);
                world.order_cart(user).await
            }
            0 | 1 => world.order(user, PEN, 1).await,
            _ => world.order(user, MUG, 1).await,
        };
        orders.push(answer.body["orderId"].as_i64().unwrap());
        world.pass(60);
    }
    assert_eq!(world.pay(ALICE, orders[2]).await.status, 200);
    orders
}

#[tokio::test]
async fn orders_are_found_by_state_product_buyer_and_time() {
    let world = World::new().await;
    let o = six(&world).await;
    for (query, expected) in [
        ("", vec![5, 4, 3, 2, 1, 0]),
        ("?state=ORDER_COMPLETE", vec![2]),
        ("?state=WAITING_PAYING", vec![5, 4, 3, 1, 0]),
        ("?state=SHIPPING", vec![]),
        ("?product=4", vec![3, 1, 0]),
        ("?product=3&state=WAITING_PAYING", vec![5, 4, 3]),
        ("?product=3&state=ORDER_COMPLETE", vec![2]),
        ("?buyer=7", vec![4, 2, 0]),
        ("?buyer=7&state=WAITING_PAYING", vec![4, 0]),
        ("?buyer=8&product=4", vec![3, 1]),
        ("?buyer=8&product=4&state=ORDER_COMPLETE", vec![]),
        ("?buyer=99", vec![]),
        // From one end of its minute to the other: `from` is included, `to` is not. The first was placed at 10:00:00.25.
        ("?from=2024-05-01T10:02:00", vec![5, 4, 3, 2]),
        ("?from=2024-05-01T10:02:00.250", vec![5, 4, 3, 2]),
        ("?from=2024-05-01T10:02:00.251", vec![5, 4, 3]),
        ("?to=2024-05-01T10:02:00.250", vec![1, 0]),
        ("?to=2024-05-01T01:02:01Z", vec![2, 1, 0]),
        (
            "?from=2024-05-01T10:01:00%2B09:00&to=2024-05-01T10:04",
            vec![3, 2, 1],
        ),
        (
            "?from=2024-05-01T10:01&to=2024-05-01T10:04&product=3&state=WAITING_PAYING",
            vec![3],
        ),
        ("?from=2025-01-01T00:00", vec![]),
        ("?to=2024-01-01T00:00", vec![]),
        ("?from=2024-05-01T10:04&to=2024-05-01T10:01", vec![]),
    ] {
        let expected: Vec<i64> = expected
            .into_iter()
            .map(|number: usize| o[number])
            .collect();
        assert_eq!(
            found(&world, query).await,
            (expected, Value::Null),
            "{query}"
        );
    }
    let path = "/admin/orders?product=4&limit=1";
    assert_eq!(
        world.admin(Method::GET, path, None).await.body,
        json!({
            "orders": [{
                "orderId": o[3], "orderDate": "2024-05-01T10:03:00+09:00", "orderStatus": "WAITING_PAYING",
                "userId": BOB, "total": 10_700,
                "orderProductList": [
                    {"count": 1, "productName": "Pen", "price": 700, "productId": PEN},
                    {"count": 2, "productName": "Mug", "price": 5000, "productId": MUG},
                ],
            }],
            "next": o[3],
        })
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gaps_and_doubles() {
    let world = World::new().await;
    six(&world).await;
    for filter in [
        "",
        "&state=WAITING_PAYING",
        "&product=3",
        "&buyer=7",
        "&product=3&state=WAITING_PAYING",
        "&from=2024-05-01T10:01",
    ] {
        let (whole, _) = found(&world, &format!("?limit=200{filter}")).await;
        for limit in 1..=4 {
            let (mut seen, mut after) = (Vec::<i64>::new(), String::new());
            loop {
                let query = format!("?limit={limit}{filter}{after}");
                let (page, next) = found(&world, &query).await;
                assert!(page.len() <= limit);
                seen.extend(page);
                let Some(next) = next.as_i64() else { break };
                after = format!("&after={next}");
            }
            assert_eq!(seen, whole, "{filter} by {limit}");
        }
    }
}

#[tokio::test]
async fn what_is_not_understood_is_400_with_its_name() {
    let world = World::new().await;
    for (query, field) in [
        ("state=PAID", "state"),
        ("state=order_complete", "state"),
        ("state=", "state"),
        ("product=x", "product"),
        ("product=0", "product"),
        ("buyer=-1", "buyer"),
        ("from=yesterday", "from"),
        ("to=2024-05-01", "to"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("after=x", "after"),
        ("after=", "after"),
        ("after=99999999999999999999", "after"),
    ] {
        let path = format!("/admin/orders?{query}");
        let answer = world.admin(Method::GET, &path, None).await;
        assert_eq!(answer.code(), (400, "INVALID_FIELDS"), "{query}");
        assert!(
            answer.body["errors"][field].is_string(),
            "{query}: {answer:?}"
        );
    }
    for query in ["status=SHIPPING", "state=SHIPPING&state=SHIPPING"] {
        let path = format!("/admin/orders?{query}");
        let answer = world.admin(Method::GET, &path, None).await;
        assert_eq!(answer.code(), (400, "INVALID_QUERY"), "{query}");
    }
}

#[tokio::test]
async fn an_order_is_shown_with_its_payment() {
    let world = World::new().await;
    let order = world.placed().await;
    let path = format!("/admin/orders/{order}");
    let shown = world.admin(Method::GET, &path, None).await;
    assert_eq!(
        (&shown.body["payment"], &shown.body["paymentSource"]),
        (&Value::Null, &json!("NONE"))
    );
    world.pay(ALICE, order).await;
    world.payments.line.away(true);
    let shown = world.admin(Method::GET, &path, None).await;
    assert_eq!(
        (
            shown.status,
            &shown.body["payment"],
            &shown.body["paymentSource"]
        ),
        (200, &Value::Null, &json!("UNAVAILABLE"))
    );
    world.payments.line.away(false);
    assert_eq!(move_to(&world, order, "REQ_CANCEL").await.status, 200);
    let shown = world.admin(Method::GET, &path, None).await.body;
    assert_eq!(
        shown,
        json!({
            "orderId": order, "orderDate": "2024-05-01T10:00:00+09:00", "orderStatus": "REQ_CANCEL",
            "orderProductList": [{"count": 2, "productName": "Mug", "price": 5000, "productId": MUG}],
            "userId": ALICE, "total": 10_000,
            "payment": {"state": "CAPTURED", "reason": null, "amount": 10_000, "createdAt": null, "refund": null},
            "paymentSource": "KNOWN",
            "history": [
                {"orderStatus": "WAITING_PAYING", "at": "2024-05-01T10:00:00+09:00", "cause": "PLACED", "userId": null, "note": null},
                {"orderStatus": "ORDER_COMPLETE", "at": "2024-05-01T10:00:00+09:00", "cause": "PAID", "userId": null, "note": null},
                {"orderStatus": "REQ_CANCEL", "at": "2024-05-01T10:00:00+09:00", "cause": "MOVED_BY_ADMIN", "userId": ADMIN, "note": "by phone"},
            ],
        })
    );
    // Its owner sees that it was moved, and not by whom or why.
    let history = world.detail(ALICE, order).await.body["history"].clone();
    let last = json!({"orderStatus": "REQ_CANCEL", "at": "2024-05-01T10:00:00+09:00", "cause": "MOVED_BY_ADMIN"});
    assert_eq!(history[2], last);
}

/// From every state to every state: what the table allows by hand is done, everything else is 406 and changes nothing.
#[tokio::test]
async fn an_admin_moves_orders_where_the_table_allows() {
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 1000);
    let states = mall_orders::status::Status::ALL;
    for from in states {
        for to in states {
            let order = world.placed().await;
            world
                .execute(format!(
                    "UPDATE orders SET status = {} WHERE id = {order}",
                    from.ordinal()
                ))
                .await;
            let answer = move_to(&world, order, to.as_str()).await;
            let after = world.status(order).await;
            if by_admin(from, to).is_some() {
                assert_eq!(
                    (answer.status, after.as_str()),
                    (200, to.as_str()),
                    "{from} -> {to}"
                );
                assert_eq!(answer.body["orderStatus"], to.as_str());
            } else {
                let code = (406, "ORDER_NOT_MOVABLE");
                assert_eq!(
                    (answer.code(), after.as_str()),
                    (code, from.as_str()),
                    "{from} -> {to}"
                );
            }
        }
    }
    let by_hand = TRANSITIONS
        .iter()
        .filter(|t| by_admin(t.from, t.to).is_some());
    assert!(by_hand.count() >= 7);
}

#[tokio::test]
async fn a_move_has_the_effects_of_its_step_once() {
    let world = World::new().await;
    let order = world.paid().await;
    assert_eq!(move_to(&world, order, "REQ_CANCEL").await.status, 200);
    let answers =
        futures_util::future::join_all((0..5).map(|_| move_to(&world, order, "ORDER_CANCEL")));
    let done = answers
        .await
        .into_iter()
        .filter(|answer| answer.status == 200);
    assert_eq!(done.count(), 1);
    world.quiet().await;
    assert_eq!(world.payments.given_back(), [order]);
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    world.stock.assert_released_once();
}

#[tokio::test]
async fn what_makes_no_sense_moves_nothing() {
    let world = World::new().await;
    let order = world.paid().await;
    let path = format!("/admin/orders/{order}/move");
    for (body, code) in [
        (json!({"to": "PAID"}), "INVALID_FIELDS"),
        (json!({"to": "shipping"}), "INVALID_FIELDS"),
        (json!({}), "INVALID_FIELDS"),
        (json!({"to": null}), "INVALID_FIELDS"),
        (json!({"to": 3}), "INVALID_BODY"),
        (json!({"to": "SHIPPING", "force": true}), "INVALID_BODY"),
        (
            json!({"to": "SHIPPING", "reason": "r".repeat(201)}),
            "INVALID_FIELDS",
        ),
    ] {
        let answer = world.admin(Method::POST, &path, Some(body.clone())).await;
        assert_eq!(answer.code(), (400, code), "{body}");
    }
    let nobody = move_to(&world, 999_999, "SHIPPING").await;
    assert_eq!(nobody.code(), (404, "ORDER_NOT_FOUND"));
    let body = Some(json!({"to": "SHIPPING"}).to_string());
    let buyer = world.send(Some((ALICE, Role::User)), Method::POST, &path, body.clone());
    assert_eq!(buyer.await.status, 403);
    assert_eq!(
        world.send(None, Method::POST, &path, body).await.status,
        401
    );
    assert_eq!(world.causes(order).await, ["PLACED", "PAID"]);

    // A payment under way is nobody's to end.
    let order = world.placed().await;
    world.payments.line.faults(&[Fault::LoseAnswer]);
    assert_eq!(world.pay(ALICE, order).await.status, 503);
    let answer = move_to(&world, order, "ORDER_CANCEL").await;
    assert_eq!(answer.code(), (409, "PAYMENT_IN_PROGRESS"));
    assert_eq!(world.status(order).await, "WAITING_PAYING");
}

#[tokio::test]
async fn dead_letters_are_listed_and_tried_again() {
    let world = World::new().await;
    let mut dead = Vec::new();
    for _ in 0..3 {
        let order = world.placed().await;
        let give_up = json!({"isCanceled": true});
        // Stock says something final that it should not say.
        world.stock.line.faults(&[Fault::Conflict]);
        assert_eq!(world.pay_with(ALICE, order, give_up).await.status, 200);
        dead.push(order);
    }
    assert_eq!(world.orders.relay().dead().await.unwrap(), 3);
    let path = "/admin/orders/dead-letters";
    let page = world
        .admin(Method::GET, &format!("{path}?limit=2"), None)
        .await;
    let letters = page.body["deadLetters"].as_array().unwrap().clone();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0]["topic"], "stock.release");
    assert!(letters[0]["payload"]["reservationId"].is_string());
    assert_eq!(
        (&letters[0]["attempts"], letters[0]["lastError"].is_string()),
        (&json!(1), true)
    );
    let next = page.body["next"].as_i64().unwrap();
    let rest = world
        .admin(Method::GET, &format!("{path}?after={next}"), None)
        .await
        .body;
    assert_eq!(
        (rest["deadLetters"].as_array().unwrap().len(), &rest["next"]),
        (1, &Value::Null)
    );

    let id = letters[1]["id"].as_i64().unwrap();
    let retry = format!("{path}/{id}/retry");
    assert_eq!(world.admin(Method::POST, &retry, None).await.status, 200);
    let twice = world.admin(Method::POST, &retry, None).await;
    assert_eq!(twice.code(), (404, "DEAD_LETTER_NOT_FOUND"));
    while world.orders.relay().drain_once().await.unwrap() > 0 {}
    assert_eq!(world.orders.relay().dead().await.unwrap(), 2);
    assert_eq!(world.stock.pieces(MUG), (6, 4, 0));
    for (query, code) in [("after=x", 400), ("limit=0", 400), ("page=1", 400)] {
        let bad = world
            .admin(Method::GET, &format!("{path}?{query}"), None)
            .await;
        assert_eq!(bad.status, code, "{query}");
    }
    for (caller, status) in [(Some((ALICE, Role::User)), 403), (None, 401)] {
        assert_eq!(
            world.send(caller, Method::GET, path, None).await.status,
            status
        );
        assert_eq!(
            world.send(caller, Method::POST, &retry, None).await.status,
            status
        );
        let list = world.send(caller, Method::GET, "/admin/orders", None).await;
        assert_eq!(list.status, status);
    }
}
