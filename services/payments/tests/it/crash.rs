//! The program dies between two effects. The row says what to ask.

use mall_fault_points::Script;

use crate::support::World;

#[tokio::test]
async fn dying_before_the_provider_is_asked_takes_nothing() {
    let script = Script::new();
    let world = World::scripted(&script).await;
    script.crash_at("charge.begun");
    let died = tokio::select! {
        _ = world.pay(1, false) => false,
        () = script.until_reached("charge.begun") => true,
    };
    assert!(died);
    script.let_go("charge.begun");
    let kept = world.kept(1).await;
    assert_eq!(kept["state"], "UNKNOWN");
    assert!(kept["attempts"][0]["endedAt"].is_null(), "{kept}");
    // The job only looks: there is nothing, and nothing is taken.
    world.settle_after(16).await;
    assert_eq!(world.payment(1).await.1["state"], "UNKNOWN");
    assert_eq!(world.books().await, (0, 0, 0));
    // Orders asks again.
    assert_eq!(world.pay(1, false).await["state"], "CAPTURED");
    assert_eq!(world.books().await, (1, 5000, 0));
}

#[tokio::test]
async fn dying_with_the_answer_in_hand_is_found_out_by_the_job() {
    let script = Script::new();
    let world = World::scripted(&script).await;
    script.crash_at("charge.answered");
    tokio::select! {
        _ = world.pay(1, false) => panic!("it went on"),
        () = script.until_reached("charge.answered") => {}
    }
    assert_eq!(world.kept(1).await["state"], "UNKNOWN");
    assert_eq!(world.books().await, (1, 5000, 0));
    // Not in a hurry: whoever called may still be waiting.
    world.settle_after(5).await;
    assert_eq!(world.kept(1).await["state"], "UNKNOWN");
    world.settle_after(11).await;
    let kept = world.kept(1).await;
    assert_eq!(kept["state"], "CAPTURED");
    assert!(kept["settledAt"].is_string(), "{kept}");
    assert_eq!(world.books().await, (1, 5000, 0));
}

#[tokio::test]
async fn a_refund_that_died_is_finished_by_the_job() {
    for point in ["refund.begun", "refund.answered"] {
        let script = Script::new();
        let world = World::scripted(&script).await;
        world.pay(1, false).await;
        script.crash_at(point);
        tokio::select! {
            _ = world.refund(1, "order-1", 5000) => panic!("it went on"),
            () = script.until_reached(point) => {}
        }
        script.let_go(point);
        assert_eq!(world.payment(1).await.1["refund"], "UNKNOWN", "{point}");
        world.settle_after(16).await;
        assert_eq!(world.payment(1).await.1["refund"], "REFUNDED", "{point}");
        assert_eq!(world.books().await, (1, 5000, 5000), "{point}");
    }
}
