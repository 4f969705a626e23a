//! Placing an order.

use reqwest::Method;
use serde_json::json;

use super::case::{BOUGHT, Buyer, Pieces, Point, WAITING, each, ends, shelf, told_in_spite};
use super::world::{World, run};

pub const ONE: &[Point] = &[
    ("orders", "key.claimed"),
    ("products", "products.read"),
    ("stock", "take.taken"),
    ("stock", "take.booked"),
    ("stock", "take.answered"),
    ("orders", "placing.reserved"),
    ("orders", "placing.written"),
    ("orders", "key.settled"),
];

pub const CART: &[Point] = &[
    ("orders", "key.claimed"),
    ("carts", "cart.read"),
    ("products", "products.read"),
    ("stock", "several.taken:1"),
    ("stock", "several.taken:2"),
    ("stock", "several.booked"),
    ("orders", "placing.reserved"),
    ("orders", "placing.written"),
    ("orders", "outbox.leased"),
    ("carts", "cart.removed"),
    ("orders", "outbox.delivered"),
    ("orders", "outbox.settled"),
    ("orders", "key.settled"),
];

/// Second deaths, on the way back from the first.
pub const AGAIN: &[Point] = &[
    ("orders", "giveback.written"),
    ("stock", "release.spent"),
    ("stock", "sweep.spent"),
];

pub const ORPHANED: &[Point] = &[
    ("orders", "fence.written"),
    ("stock", "orphans.judged"),
    ("stock", "release.written"),
    ("stock", "release.shown"),
    ("stock", "orphans.released"),
];

#[test]
fn one_product() {
    run(async |world| {
        each("placing", ONE, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let wish = buyer.wants_to_buy();
            let reply = told_in_spite(world, (victim, point), &wish).await;
            let order = reply.expect(200).json()["orderId"].as_i64().unwrap();
            ends(world, &buyer, order, WAITING).await;
        })
        .await;
    });
}

#[test]
fn a_cart() {
    run(async |world| {
        each("placing a cart", CART, async |victim, point| {
            let buyer = Buyer::new(world, 2).await;
            for product in &buyer.products {
                let path = format!("/cart/add/{product}?count={BOUGHT}");
                let add = buyer.wish(Method::POST, &path, None);
                world.insist(&add).await.expect(200);
            }
            let wish = buyer.wish(Method::POST, "/order/orderCartList", None);
            let reply = told_in_spite(world, (victim, point), &wish).await;
            let order = reply.expect(200).json()["orderId"].as_i64().unwrap();
            ends(world, &buyer, order, WAITING).await;
            let cart = world
                .shop
                .ask(Some(&buyer.person), Method::GET, "/cart/getCart", None)
                .await;
            assert_eq!(cart.expect(200).text, "[]");
        })
        .await;
    });
}

/// What heals the first death dies as well.
#[test]
fn and_once_more_while_it_heals() {
    run(async |world| {
        each("placing, twice", AGAIN, async |victim, point| {
            // The sweeper may settle a take before its release comes; then nothing is left to die at, and it is told again.
            for _ in 0..10 {
                if once_more(world, victim, point).await {
                    return;
                }
            }
            panic!("{victim} was never at {point}");
        })
        .await;
    });
}

/// Whether the second death came to pass; whole it is in any case.
async fn once_more(world: &World, victim: &'static str, point: &'static str) -> bool {
    let buyer = Buyer::new(world, 1).await;
    let wish = buyer.wants_to_buy();
    let first = world.arm("stock", "take.taken");
    let mut died = true;
    if victim == "orders" {
        let second = world.arm(victim, point);
        tokio::join!(world.try_once(&wish), async {
            world.until_dead(&first).await;
            world.until_dead(&second).await;
        });
        world.restart("stock").await;
    } else {
        let is_swept = point == "sweep.spent";
        tokio::join!(world.try_once(&wish), async {
            world.until_dead(&first).await;
            // Else orders gives up, and has the reservation given back: the sweeper would come too late.
            if is_swept {
                world.kill("orders").await;
            }
        });
        let swept = world.swept();
        let second = world.arm(victim, point);
        world.restart(victim).await;
        if is_swept {
            world.until_dead(&second).await;
        } else {
            died = world.dies_before(&second, || world.swept() > swept).await;
        }
    }
    if died {
        world.restart(victim).await;
    } else {
        world.let_go(victim);
        if !world.shop.mall.is_running(victim) {
            world.restart(victim).await;
        }
    }
    world.restart("orders").await;
    let reply = world.insist(&wish).await.expect(200);
    let order = reply.json()["orderId"].as_i64().unwrap();
    ends(world, &buyer, order, WAITING).await;
    died
}

/// The client never comes back: what he was not told of is whole, or has left nothing behind.
#[test]
fn nobody_comes_back() {
    run(async |world| {
        each("abandoned", ONE, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let (wish, death) = (buyer.wants_to_buy(), world.arm(victim, point));
            let (told, ()) = tokio::join!(world.try_once(&wish), async {
                world.until_dead(&death).await;
                world.restart(victim).await;
            });
            world.until_quiet().await;
            match buyer.orders(world).await.as_slice() {
                [order] => ends(world, &buyer, order.parse().unwrap(), WAITING).await,
                [] => {
                    assert!(told.is_none_or(|told| told.status != 200), "he was told");
                    shelf(world, &buyer, Pieces::Back).await;
                }
                several => panic!("{several:?}"),
            }
        })
        .await;
    });
}

/// The reservation has no order and gets none; who gives it back dies as well.
#[test]
fn what_was_reserved_for_nothing() {
    run(async |world| {
        each("orphaned", ORPHANED, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            dies_before_the_order(world, &buyer).await;
            let death = world.arm(victim, point);
            world.restart("orders").await;
            world.pass_time().await;
            world.until_dead(&death).await;
            world.restart(victim).await;
            world.until_quiet().await;
            assert!(buyer.orders(world).await.is_empty());
            shelf(world, &buyer, Pieces::Back).await;
        })
        .await;
    });
}

async fn dies_before_the_order(world: &World, buyer: &Buyer) {
    let (wish, death) = (
        buyer.wants_to_buy(),
        world.arm("orders", "placing.reserved"),
    );
    tokio::join!(world.try_once(&wish), world.until_dead(&death));
}

/// The same request comes while the first one is under way: it waits a little, and is told to come again. Nothing is done twice.
#[test]
fn a_twin_in_flight() {
    run(async |world| {
        let buyer = Buyer::new(world, 1).await;
        let wish = buyer.wants_to_buy();
        let held = world.hold("orders", "key.claimed");
        let (first, ()) = tokio::join!(world.try_once(&wish), async {
            world.until_held(&held).await;
            let twin = world.try_once(&wish).await.expect("an answer");
            assert_eq!(twin.verdict(), (409, "REQUEST_IN_PROGRESS".to_owned()));
            assert_eq!(twin.headers["retry-after"], "1");
            let mut other = wish.clone();
            other.body = Some(json!({"productId": buyer.products[0], "quantity": 1}));
            let other = world.try_once(&other).await.expect("an answer");
            assert_eq!(other.verdict(), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
            world.let_go("orders");
        });
        let first = first.expect("an answer").expect(200);
        let again = world.insist(&wish).await.expect(200);
        assert_eq!(first.text, again.text);
        let order = first.json()["orderId"].as_i64().unwrap();
        ends(world, &buyer, order, WAITING).await;
    });
}
