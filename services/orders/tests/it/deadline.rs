use futures_util::future::join_all;
use mall_orders::DEADLINE;

use crate::fakes::Fault;
use crate::support::{ALICE, MUG, World};

#[tokio::test]
async fn an_unpaid_order_is_cancelled_after_ten_minutes() {
    let world = World::new().await;
    let orders = [
        world.placed().await,
        world.placed().await,
        world.placed().await,
        world.placed().await,
    ];
    world.pass(599);
    world.run(DEADLINE).await;
    assert_eq!(world.status(orders[0]).await, "WAITING_PAYING");
    world.pass(1);
    for _ in 0..2 {
        world.run(DEADLINE).await;
        world.quiet().await;
    }
    for order in orders {
        assert_eq!(world.causes(order).await, ["PLACED", "PAYMENT_DEADLINE"]);
        assert_eq!(
            world.pay(ALICE, order).await.code(),
            (406, "ORDER_NOT_PAYABLE")
        );
    }
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    world.stock.assert_released_once();
    assert_eq!(world.payments.taken(), [0; 0]);
}

#[tokio::test]
async fn a_payment_under_way_beats_the_deadline() {
    for fault in [Fault::HoldAnswer, Fault::LoseAnswer] {
        let world = World::new().await;
        let order = world.placed().await;
        world.pass(600);
        world.payments.line.faults(&[fault]);
        let (answer, ()) = tokio::join!(world.pay(ALICE, order), async {
            if fault == Fault::HoldAnswer {
                world.payments.line.until_held().await;
                world.run(DEADLINE).await;
                world.payments.line.let_go();
            }
        });
        if fault == Fault::LoseAnswer {
            assert_eq!(answer.status, 503);
            world.run(DEADLINE).await;
            world.pass(60);
            world.run(mall_orders::SETTLE).await;
        } else {
            assert_eq!(answer.status, 200);
        }
        world.quiet().await;
        assert_eq!(world.causes(order).await, ["PLACED", "PAID"]);
        assert_eq!(world.stock.pieces(MUG), (8, 0, 2));
        assert_eq!(world.payments.taken(), [order]);
    }
}

#[tokio::test]
async fn deadline_and_payments_in_the_same_instant_end_in_one_of_both() {
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 1000);
    let mut orders = Vec::new();
    for _ in 0..40 {
        orders.push(world.placed().await);
    }
    world.pass(600);
    let (_, other) = world.replica();
    let pays = join_all(orders.iter().map(|order| world.pay(ALICE, *order)));
    let (answers, (), _) = tokio::join!(pays, world.run(DEADLINE), other.run_now(DEADLINE));
    world.run(DEADLINE).await;
    world.quiet().await;
    let taken = world.payments.taken();
    let mut paid = 0;
    for (order, answer) in orders.iter().zip(&answers) {
        match world.status(*order).await.as_str() {
            "ORDER_COMPLETE" => {
                paid += 1;
                assert!(answer.status == 200 && taken.contains(order), "{answer:?}");
            }
            "ORDER_CANCEL" => assert!(answer.status == 406 && !taken.contains(order), "{answer:?}"),
            other => panic!("{order} is {other}"),
        }
    }
    assert_eq!(taken.len(), paid);
    assert_eq!(
        world.stock.pieces(MUG),
        (1000 - 2 * paid as i64, 0, 2 * paid as i64)
    );
    world.stock.assert_released_once();
}
