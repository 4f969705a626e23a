//! Everyone clicks in the same second: two instances of orders and of stock sell what there is, and not one piece more.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use mall_system_tests::{Person, Reply};
use reqwest::Method;
use tokio::sync::Barrier;

use super::malls::{Town, run, shared};
use super::observe::served;

/// All at the same moment.
async fn at_once<F: Future<Output = Reply>>(requests: Vec<F>) -> Vec<Reply> {
    let gate = Arc::new(Barrier::new(requests.len()));
    let waiting = requests.into_iter().map(|request| {
        let gate = Arc::clone(&gate);
        async move {
            gate.wait().await;
            request.await
        }
    });
    join_all(waiting).await
}

fn tally(replies: &[Reply]) -> BTreeMap<(u16, String), usize> {
    let mut tally = BTreeMap::new();
    for reply in replies {
        *tally.entry(reply.verdict()).or_default() += 1;
    }
    tally
}

/// How many pieces of a product stand in orders.
async fn ordered(town: &Town, product: i64) -> i64 {
    town.books
        .number(&format!(
            "SELECT CAST(COALESCE(SUM(l.quantity), 0) AS SIGNED) FROM mall_orders.order_line l \
             JOIN mall_orders.orders o ON o.id = l.order_id WHERE l.product_id = {product} AND o.status <> 2"
        ))
        .await
}

async fn reservations(town: &Town, product: i64, state: &str) -> i64 {
    town.books
        .number(&format!(
            "SELECT COUNT(*) FROM mall_stock.reservation WHERE product_id = {product} AND state = '{state}'"
        ))
        .await
}

#[test]
fn two_hundred_buyers_of_the_last_fifty_make_fifty_orders() {
    run(async {
        let town = shared().await;
        let mug = town.mug(50).await;
        let buyers = town.mint.shoppers(200);
        let before = both(&town).await;
        let replies = at_once(
            buyers
                .iter()
                .map(|buyer| town.shop.order(buyer, mug, 1))
                .collect(),
        )
        .await;
        let expected = BTreeMap::from([
            ((200, String::new()), 50),
            ((409, "SOLD_OUT".to_owned()), 150),
        ]);
        assert_eq!(tally(&replies), expected);
        for refusal in replies.iter().filter(|reply| reply.status == 409) {
            assert_eq!(refusal.content_type(), "application/problem+json");
            let body = refusal.json();
            assert_eq!(
                (&body["status"], &body["available"]),
                (&409.into(), &0.into()),
                "{body}"
            );
            assert!(
                body["detail"].as_str().is_some_and(|text| !text.is_empty()),
                "{body}"
            );
        }
        let mut ids: Vec<i64> = replies
            .iter()
            .filter_map(|reply| reply.json()["orderId"].as_i64())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 50);

        assert_eq!(town.shop.stock(mug).await, 0);
        town.books.wait_for_stock(mug, 50, 0, 50, 0).await;
        assert_eq!(town.books.ledger(mug).await, town.books.stock(mug).await);
        assert_eq!(town.books.hot_count(mug).await, Some(0));
        assert_eq!(ordered(&town, mug).await, 50);
        assert_eq!(reservations(&town, mug, "HELD").await, 50);
        for (name, more) in growth(before, both(&town).await) {
            assert!(more > 0.0, "{name} sold nothing");
        }
    });
}

const SELLERS: [(&str, &str); 4] = [
    ("stock", "/internal/stock/reservations"),
    ("stock-2", "/internal/stock/reservations"),
    ("orders", "/order/orderProduct"),
    ("orders-2", "/order/orderProduct"),
];

async fn both(town: &Town) -> Vec<f64> {
    join_all(
        SELLERS
            .iter()
            .map(|(name, uri)| served(&town.shop, name, uri)),
    )
    .await
}

fn growth(before: Vec<f64>, after: Vec<f64>) -> Vec<(&'static str, f64)> {
    SELLERS
        .iter()
        .zip(before)
        .zip(after)
        .map(|(((name, _), before), after)| (*name, after - before))
        .collect()
}

#[test]
fn mixed_quantities_never_add_up_to_more_than_there_is() {
    run(async {
        let town = shared().await;
        let mug = town.mug(60).await;
        let buyers: Vec<(i64, Person)> = (0_i64..100)
            .map(|n| (n % 5 + 1, town.mint.shopper()))
            .collect();
        let requests = buyers
            .iter()
            .map(|(quantity, buyer)| town.shop.order(buyer, mug, *quantity));
        let replies = at_once(requests.collect()).await;
        let (mut sold, mut smallest_refused) = (0, i64::MAX);
        for ((quantity, _), reply) in buyers.iter().zip(&replies) {
            match (reply.status.as_u16(), reply.verdict().1.as_str()) {
                (200, _) => sold += quantity,
                (409, "SOLD_OUT" | "INSUFFICIENT_STOCK") => {
                    smallest_refused = smallest_refused.min(*quantity)
                }
                _ => panic!("{reply:?}"),
            }
        }
        let left = town.shop.stock(mug).await;
        assert_eq!(left, 60 - sold);
        // Nothing comes back meanwhile, so who was refused would be refused now.
        assert!(
            left < smallest_refused,
            "{left} are left, and {smallest_refused} were refused"
        );
        town.books.wait_for_stock(mug, 60, left, sold, 0).await;
        assert_eq!(town.books.hot_count(mug).await, Some(left));
        assert_eq!(ordered(&town, mug).await, sold);
    });
}

/// Everybody puts one of each into the cart, half of them in one order, half in the other.
async fn filled_carts(town: &Town, count: usize, cup: i64, plate: i64) -> Vec<Person> {
    let buyers = town.mint.shoppers(count);
    let fill = buyers.iter().enumerate().map(|(n, buyer)| async move {
        for product in if n % 2 == 0 {
            [cup, plate]
        } else {
            [plate, cup]
        } {
            let path = format!("/cart/add/{product}?count=1");
            town.shop
                .ask(Some(buyer), Method::POST, &path, None)
                .await
                .expect(200);
        }
    });
    join_all(fill).await;
    buyers
}

async fn lines(town: &Town, buyer: &Person) -> Option<usize> {
    let cart = town
        .shop
        .ask(Some(buyer), Method::GET, "/cart/getCart", None)
        .await
        .expect(200)
        .json();
    cart.as_array().map(Vec::len)
}

#[test]
fn carts_with_the_same_products_in_any_order_take_all_or_nothing() {
    run(async {
        let town = shared().await;
        let (cup, plate) = (town.mug(20).await, town.mug(30).await);
        let buyers = filled_carts(&town, 40, cup, plate).await;
        let order = |buyer| {
            town.shop
                .ask(Some(buyer), Method::POST, "/order/orderCartList", None)
        };
        let replies = at_once(buyers.iter().map(order).collect()).await;
        let expected = BTreeMap::from([
            ((200, String::new()), 20),
            ((409, "SOLD_OUT".to_owned()), 20),
        ]);
        assert_eq!(tally(&replies), expected);
        town.books.wait_for_stock(cup, 20, 0, 20, 0).await;
        town.books.wait_for_stock(plate, 30, 10, 20, 0).await;
        assert_eq!(
            (
                town.books.hot_count(cup).await,
                town.books.hot_count(plate).await
            ),
            (Some(0), Some(10))
        );
        assert_eq!(
            (ordered(&town, cup).await, ordered(&town, plate).await),
            (20, 20)
        );
        town.books.quiet().await;
        // Who got nothing still has the cart.
        for (buyer, reply) in buyers.iter().zip(&replies) {
            assert_eq!(
                lines(&town, buyer).await,
                Some(if reply.status == 200 { 0 } else { 2 })
            );
        }
    });
}

#[test]
fn a_cart_is_ordered_once_however_often_the_button_is_pressed() {
    run(async {
        let town = shared().await;
        let (cup, plate) = (town.mug(100).await, town.mug(100).await);
        let buyers = filled_carts(&town, 15, cup, plate).await;
        let order = |buyer| {
            town.shop
                .ask(Some(buyer), Method::POST, "/order/orderCartList", None)
        };
        let presses = buyers
            .iter()
            .flat_map(|buyer| std::iter::repeat_with(move || order(buyer)).take(3));
        let replies = at_once(presses.collect()).await;
        for presses in replies.chunks(3) {
            let expected = BTreeMap::from([
                ((200, String::new()), 1),
                ((409, "CART_EMPTY".to_owned()), 2),
            ]);
            assert_eq!(tally(presses), expected);
        }
        town.books.quiet().await;
        // What the second and third press had taken for a moment is back.
        for product in [cup, plate] {
            town.books.wait_for_stock(product, 100, 85, 15, 0).await;
            assert_eq!(ordered(&town, product).await, 15);
            assert_eq!(town.shop.stock(product).await, 85);
        }
        for buyer in &buyers {
            assert_eq!(lines(&town, buyer).await, Some(0));
        }
    });
}
