//! What is unknown is asked about until it is known.

use crate::support::{Fault, World, number};

#[tokio::test]
async fn a_lost_answer_is_found_out_without_anybody_asking() {
    let world = World::new().await;
    world.faults(&[Fault::LoseAnswer]);
    assert_eq!(world.pay(1, false).await["state"], "UNKNOWN");
    world.settle_after(16).await;
    assert_eq!(world.kept(1).await["state"], "CAPTURED");
    assert_eq!(world.books().await, (1, 5000, 0));
}

/// 15 s, 30 s, 60 s: less often each time, and never forgotten.
#[tokio::test]
async fn it_is_asked_less_and_less_often() {
    let world = World::new().await;
    world.faults(&[Fault::LoseRequest]);
    world.pay(1, false).await;
    let asked = async || world.attempts(1).await.len();
    assert_eq!(asked().await, 1);
    world.settle_after(14).await;
    assert_eq!(asked().await, 1);
    world.settle_after(1).await;
    assert_eq!(asked().await, 2);
    world.settle_after(29).await;
    assert_eq!(asked().await, 2);
    world.settle_after(1).await;
    assert_eq!(asked().await, 3);
    world.settle_after(59).await;
    assert_eq!(asked().await, 3);
    world.settle_after(1).await;
    assert_eq!(asked().await, 4);
    for _ in 0..6 {
        world.settle_after(601).await;
    }
    assert!(asked().await >= 9, "never less than every ten minutes");
    let kept = world.kept(1).await;
    assert_eq!(
        (&kept["state"], &kept["reason"]),
        (&"UNKNOWN".into(), &"NOT_FOUND".into())
    );
}

/// The oldest must not keep the others from it.
#[tokio::test]
async fn all_are_asked_about_however_many_there_are() {
    let world = World::new().await;
    world.faults(&[Fault::LoseAnswer; 30]);
    for order in 1..=30 {
        assert_eq!(world.pay(order, false).await["state"], "UNKNOWN");
    }
    // The first of them stay unknown once more.
    world.faults(&[Fault::LoseRequest; 10]);
    world.settle_after(16).await;
    let unknown = "SELECT COUNT(*) FROM payment WHERE state = 'UNKNOWN'";
    assert_eq!(number(&world.db, unknown).await, 10);
    assert!(
        world
            .metrics
            .render(false, &[])
            .contains("mall_payments_unsettled{what=\"payment\"} 10"),
        "{}",
        world.metrics.render(false, &[])
    );
    world.settle_after(31).await;
    assert_eq!(number(&world.db, unknown).await, 0);
    assert_eq!(world.books().await, (30, 150_000, 0));
}

#[tokio::test]
async fn a_refund_is_repeated_until_it_is_done() {
    let world = World::new().await;
    world.pay(1, false).await;
    world.faults(&[Fault::LoseRequest, Fault::LoseRequest]);
    assert_eq!(world.refund(1, "order-1", 5000).await.1["state"], "UNKNOWN");
    world.settle_after(16).await;
    assert_eq!(world.payment(1).await.1["refund"], "UNKNOWN");
    world.settle_after(61).await;
    assert_eq!(world.payment(1).await.1["refund"], "REFUNDED");
    assert_eq!(world.books().await, (1, 5000, 5000));
}
