//! Giving an order up while nobody knows what became of its payment.

use mall_orders::{ADVANCE, DEADLINE, SETTLE};
use serde_json::json;

use crate::fakes::Fault;
use crate::support::{ALICE, Answered, BOB, MUG, World};

async fn give_up(world: &World, user: i64, order: i64) -> Answered {
    world
        .pay_with(user, order, json!({"isCanceled": true}))
        .await
}

#[tokio::test]
async fn the_wish_is_kept_and_carried_out_when_the_payment_is_known() {
    for (excess, causes, then) in [
        (
            false,
            vec!["PLACED", "PAID", "CANCEL_REQUESTED"],
            "REQ_CANCEL",
        ),
        (true, vec!["PLACED", "PAYMENT_DECLINED"], "ORDER_CANCEL"),
    ] {
        let world = World::new().await;
        let order = world.placed().await;
        world.payments.line.faults(&[Fault::LoseAnswer]);
        let body = json!({"isCanceled": false, "isLimitExcess": excess});
        assert_eq!(world.pay_with(ALICE, order, body).await.status, 503);
        world.payments.line.away(true);
        // It may just be taking a moment.
        let early = give_up(&world, ALICE, order).await;
        assert_eq!(
            (early.code(), early.retry_after),
            ((409, "PAYMENT_IN_PROGRESS"), true)
        );
        world.pass(15);
        assert_eq!(give_up(&world, BOB, order).await.status, 404);
        for _ in 0..2 {
            let noted = give_up(&world, ALICE, order).await;
            assert_eq!(noted.status, 202, "{noted:?}");
            assert_eq!(noted.content_type, "text/plain;charset=UTF-8");
        }
        world.pass(3600);
        world.run(SETTLE).await;
        world.run(DEADLINE).await;
        assert_eq!(world.causes(order).await, ["PLACED"], "still unknown");
        world.payments.line.away(false);
        world.run(SETTLE).await;
        assert_eq!(world.causes(order).await, causes);
        assert_eq!(world.status(order).await, then);
        assert_eq!(give_up(&world, ALICE, order).await.status, 406);
        world.pass(24 * 3600);
        world.run(ADVANCE).await;
        world.quiet().await;
        assert_eq!(world.status(order).await, "ORDER_CANCEL");
        assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
        world.stock.assert_released_once();
        assert_eq!(world.payments.taken(), world.payments.given_back());
    }
}

#[tokio::test]
async fn a_payment_that_never_began_leaves_the_order_as_it_was() {
    let world = World::new().await;
    world.payments.till.lock().unwrap().wants_key = true;
    let order = world.placed().await;
    let refused = world.pay(ALICE, order).await;
    assert_eq!(refused.code(), (400, "PAYMENT_KEY_REQUIRED"));
    let body = json!({"isCanceled": false, "isLimitExcess": false, "paymentKey": "tgen_1"});
    assert_eq!(world.pay_with(ALICE, order, body).await.status, 200);
    assert_eq!(world.payments.taken(), [order]);

    // Its mark does not keep the deadline away, nor its buyer from giving it up.
    let (late, unwanted) = (world.placed().await, world.placed().await);
    for order in [late, unwanted] {
        assert_eq!(world.pay(ALICE, order).await.status, 400);
    }
    assert_eq!(give_up(&world, ALICE, unwanted).await.status, 200);
    world.pass(600);
    world.run(DEADLINE).await;
    assert_eq!(world.causes(late).await, ["PLACED", "PAYMENT_DEADLINE"]);
    world.quiet().await;
    assert_eq!(world.stock.pieces(MUG), (8, 0, 2));
}
