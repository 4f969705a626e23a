//! Orders that are written together: each stands or falls on its own.

use std::collections::HashSet;

use futures_util::future::join_all;

use crate::fakes::Fault;
use crate::support::{ALICE, Answered, BOB, MUG, World};

/// More than one transaction takes.
const CROWD: usize = 20;

/// Everybody gets stock's answer in the same moment.
async fn all_at_once<F: Future<Output = Answered>>(world: &World, orders: Vec<F>) -> Vec<Answered> {
    let count = orders.len();
    world.stock.line.faults(&vec![Fault::HoldAnswer; count]);
    let (answers, ()) = tokio::join!(join_all(orders), async {
        for _ in 0..count {
            world.stock.line.until_held().await;
        }
        for _ in 0..count {
            world.stock.line.let_go();
        }
    });
    answers
}

fn numbers(answers: &[Answered]) -> HashSet<i64> {
    let placed = answers.iter().filter(|answer| answer.status == 200);
    placed
        .map(|answer| answer.body["orderId"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_crowd_is_written_together_and_everybody_gets_their_own() {
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 100);
    let orders = (0..CROWD).map(|buyer| world.order(100 + buyer as i64, MUG, 1 + buyer as i64 % 3));
    let answers = all_at_once(&world, orders.collect()).await;
    assert_eq!(numbers(&answers).len(), CROWD, "{answers:?}");
    for (buyer, answer) in (100..).zip(&answers) {
        let order = answer.body["orderId"].as_i64().unwrap();
        let detail = world.detail(buyer, order).await;
        assert_eq!(detail.status, 200, "{detail:?}");
        assert_eq!(
            detail.body["orderProductList"][0]["count"],
            1 + (buyer - 100) % 3
        );
        assert_eq!(detail.body["history"].as_array().unwrap().len(), 1);
    }
    // Numbers one after the other: what shared a transaction was one statement.
    assert_eq!(world.orders().await, CROWD as i64);
    let lost = "SELECT COUNT(*) FROM orders o LEFT JOIN order_line l ON l.order_id = o.id WHERE l.order_id IS NULL";
    assert_eq!(world.count(lost).await, 0);
}

#[tokio::test]
async fn one_that_the_database_refuses_does_not_take_the_others_down() {
    const LONG: i64 = 77;
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 100);
    // Longer than its column.
    world.offer(LONG, &"x".repeat(300), 1, 10);
    let orders = (0..CROWD).map(|at| {
        let product = if at == 7 { LONG } else { MUG };
        world.order(100 + at as i64, product, 1)
    });
    let answers = all_at_once(&world, orders.collect()).await;
    for (at, answer) in answers.iter().enumerate() {
        let expected = if at == 7 { 500 } else { 200 };
        assert_eq!(answer.status, expected, "{at}: {answer:?}");
    }
    world.quiet().await;
    let (ordered, others) = (CROWD as i64 - 1, world.stock.pieces(MUG));
    assert_eq!(world.orders().await, ordered);
    assert_eq!(others, (100 - ordered, ordered, 0));
    assert_eq!(world.stock.pieces(LONG), (10, 0, 0), "it went back");
    world.stock.assert_released_once();
}

#[tokio::test]
async fn two_presses_on_one_cart_that_are_written_together_make_one_order() {
    let world = World::new().await;
    world.offer(MUG, "Mug", 5000, 100);
    world.put_in_cart(ALICE, MUG, 2);
    world.put_in_cart(BOB, MUG, 3);
    // What the second press finds is ordered.
    world.carts.line.faults(&[]);
    let presses = [ALICE, ALICE, BOB, ALICE].map(|user| world.order_cart(user));
    let answers = all_at_once(&world, presses.into()).await;
    assert_eq!(numbers(&answers).len(), 2, "{answers:?}");
    assert_eq!(answers[2].status, 200);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.code(), (409, "CART_EMPTY"));
    }
    world.quiet().await;
    assert_eq!(world.orders().await, 2);
    assert_eq!(world.stock.pieces(MUG), (95, 5, 0));
    world.stock.assert_released_once();
}
