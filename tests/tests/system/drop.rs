//! A drop, through the gateway and two instances of orders and of stock: nothing before the opening, and after it no buyer
//! above the limit, however many orders are sent at once.

use std::time::Duration;

use futures_util::future::join_all;
use mall_system_tests::{Person, Reply};
use mall_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use super::malls::{Town, run, shared};

const FULL: &str = "PURCHASE_LIMIT_EXCEEDED";

async fn drop_in(town: &Town, seconds: i64, limit: i64) -> i64 {
    let product = json!({
        "name": "한정판", "price": 100, "stock": 100, "isLimitedEdition": true, "purchaseLimit": limit,
        "openDateTime": town.books.time_in(seconds).await,
    });
    town.shop.add_product(&town.admin, product).await
}

async fn detail(town: &Town, product: i64) -> Value {
    let path = format!("/product/detail/{product}");
    town.shop.get(&path).await.expect(200).json()
}

/// So many orders of one piece at once; those that were accepted, after a look at those that were not.
async fn rush(town: &Town, buyer: &Person, product: i64, orders: usize) -> Vec<i64> {
    let replies: Vec<Reply> =
        join_all((0..orders).map(|_| town.shop.order(buyer, product, 1))).await;
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(reply.verdict(), (409, FULL.to_owned()), "{}", reply.text);
        let body = reply.json();
        assert!(body["limit"].is_i64(), "{body}");
        assert_eq!(body["remaining"], 0, "{body}");
    }
    let ids = replies.iter().map(|reply| reply.json()["orderId"].as_i64());
    ids.flatten().collect()
}

/// Before it is paid.
async fn cancel(town: &Town, buyer: &Person, order: i64) {
    let body: Value = json!({"isCanceled": true});
    let path = format!("/order/payOrder/{order}");
    town.shop
        .ask(Some(buyer), Method::PUT, &path, Some(body))
        .await
        .expect(200);
}

#[test]
fn before_the_opening_an_order_is_told_when() {
    run(async {
        let town = shared().await;
        let product = drop_in(&town, 3600, 2).await;
        let buyer = town.mint.shopper();
        let early = town.shop.order(&buyer, product, 1).await;
        assert_eq!(early.verdict(), (409, "NOT_YET_OPEN".to_owned()));
        let page = detail(&town, product).await;
        assert_eq!(early.json()["openDateTime"], page["openDateTime"]);
        assert_eq!(page["purchaseLimit"], 2);
        town.books.wait_for_stock(product, 100, 100, 0, 0).await;
    });
}

#[test]
fn a_buyer_gets_exactly_the_limit_and_a_cancelled_order_makes_room() {
    run(async {
        let town = shared().await;
        let product = drop_in(&town, 1, 3).await;
        let (greedy, other) = (town.mint.shopper(), town.mint.shopper());
        eventually(Duration::from_secs(10), || async {
            match detail(&town, product).await["isOpen"].as_bool() {
                Some(true) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        let (first, others) = tokio::join!(
            rush(&town, &greedy, product, 20),
            rush(&town, &other, product, 3)
        );
        assert_eq!((first.len(), others.len()), (3, 3));
        town.books.wait_for_stock(product, 100, 94, 6, 0).await;

        cancel(&town, &greedy, first[0]).await;
        // The pieces come back through the outbox; only then is there room, and for one.
        town.books.wait_for_stock(product, 100, 95, 5, 0).await;
        assert_eq!(rush(&town, &greedy, product, 20).await.len(), 1);
        assert_eq!(rush(&town, &other, product, 5).await.len(), 0);
        town.books.wait_for_stock(product, 100, 94, 6, 0).await;
        let many = town.shop.order(&town.mint.shopper(), product, 4).await;
        assert_eq!(many.verdict(), (409, FULL.to_owned()));
        assert_eq!(many.json()["remaining"], 3);

        let edit = json!({"purchaseLimit": 4});
        let path = format!("/product/admin/edit/{product}");
        town.shop
            .ask(Some(&town.admin), Method::PUT, &path, Some(edit))
            .await
            .expect(200);
        assert_eq!(rush(&town, &greedy, product, 20).await.len(), 1);
    });
}
