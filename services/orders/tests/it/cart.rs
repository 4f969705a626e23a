use futures_util::future::join_all;
use serde_json::json;

use crate::fakes::Fault;
use crate::support::{ALICE, BOB, MUG, PEN, World};

#[tokio::test]
async fn the_whole_cart_is_ordered_and_emptied() {
    let world = World::new().await;
    world.put_in_cart(ALICE, PEN, 2);
    world.put_in_cart(ALICE, MUG, 3);
    world.put_in_cart(BOB, MUG, 1);
    let answer = world.order_cart(ALICE).await;
    let order = answer.body["orderId"].as_i64().unwrap();
    assert_eq!(answer.body, json!({"orderId": order}));
    // Emptied before the answer when carts is there, not only some time after.
    assert_eq!((world.cart(ALICE), world.cart(BOB)), (0, 1));
    assert_eq!(
        world.detail(ALICE, order).await.body["orderProductList"],
        json!([
            {"count": 2, "productName": "Pen", "price": 700, "productId": PEN},
            {"count": 3, "productName": "Mug", "price": 5000, "productId": MUG},
        ])
    );
    assert_eq!(
        (world.stock.pieces(MUG), world.stock.pieces(PEN)),
        ((7, 3, 0), (0, 2, 0))
    );
    assert_eq!(world.order_cart(ALICE).await.code(), (409, "CART_EMPTY"));
    assert_eq!(world.orders().await, 1);
}

#[tokio::test]
async fn all_lines_or_none() {
    let world = World::new().await;
    world.put_in_cart(ALICE, MUG, 3);
    world.put_in_cart(ALICE, PEN, 3);
    assert_eq!(
        world.order_cart(ALICE).await.code(),
        (409, "INSUFFICIENT_STOCK")
    );
    world.put_in_cart(BOB, MUG, 3);
    world.put_in_cart(BOB, 999, 1);
    assert_eq!(
        world.order_cart(BOB).await.code(),
        (404, "PRODUCT_NOT_FOUND")
    );
    assert_eq!((world.cart(ALICE), world.cart(BOB)), (2, 2));
    assert_eq!(
        (world.stock.pieces(MUG), world.stock.pieces(PEN)),
        ((10, 0, 0), (2, 0, 0))
    );
    for _ in 0..6 {
        world.put_in_cart(9, MUG, 1);
    }
    assert_eq!(world.order_cart(9).await.code(), (409, "CART_TOO_LARGE"));
    assert_eq!(world.order_cart(10).await.code(), (409, "CART_EMPTY"));
    assert_eq!(world.orders().await, 0);
    world.carts.line.away(true);
    assert_eq!(
        world.order_cart(ALICE).await.code(),
        (503, "SERVICE_UNAVAILABLE")
    );
}

#[tokio::test]
async fn a_line_that_is_ordered_is_not_there_even_if_carts_does_not_know_yet() {
    let world = World::new().await;
    world.put_in_cart(ALICE, MUG, 1);
    world.carts.line.faults(&[]);
    let first = {
        // The cart is read, then the removal gets lost.
        let answer = world.order_cart_with_lost_removal(ALICE).await;
        assert_eq!(answer.status, 200);
        answer.body["orderId"].as_i64().unwrap()
    };
    assert_eq!(world.cart(ALICE), 1);
    assert_eq!(world.order_cart(ALICE).await.code(), (409, "CART_EMPTY"));
    // A line that was added since is an order of its own.
    world.put_in_cart(ALICE, PEN, 1);
    let second = world.order_cart(ALICE).await.body["orderId"]
        .as_i64()
        .unwrap();
    assert_ne!(first, second);
    assert_eq!(
        world.detail(ALICE, second).await.body["orderProductList"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    world.quiet().await;
    assert_eq!(world.cart(ALICE), 0);
    assert_eq!(world.stock.pieces(MUG), (9, 1, 0));
}

#[tokio::test]
async fn ten_presses_make_one_order() {
    let world = World::new().await;
    world.put_in_cart(ALICE, MUG, 1);
    world.put_in_cart(ALICE, PEN, 1);
    // Stock gives all it has; the losers' reservations must come back.
    world.offer(PEN, "Pen", 700, 50);
    world.offer(MUG, "Mug", 5000, 50);
    let answers = join_all((0..10).map(|_| world.order_cart(ALICE))).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let lost = answers
        .iter()
        .filter(|answer| answer.code() == (409, "CART_EMPTY"))
        .count();
    assert_eq!((won, lost), (1, 9), "{answers:?}");
    world.quiet().await;
    assert_eq!(world.orders().await, 1);
    assert_eq!(
        (world.stock.pieces(MUG), world.stock.pieces(PEN)),
        ((49, 1, 0), (49, 1, 0))
    );
    world.stock.assert_released_once();
    assert_eq!(world.cart(ALICE), 0);
}

impl World {
    async fn order_cart_with_lost_removal(&self, user: i64) -> crate::support::Answered {
        // The reading of the cart is held back, so that the fault of the removal can be queued behind it.
        self.carts
            .line
            .faults(&[Fault::HoldAnswer, Fault::LoseRequest]);
        let (answer, ()) = tokio::join!(self.order_cart(user), async {
            self.carts.line.until_held().await;
            self.carts.line.let_go();
        });
        answer
    }
}
