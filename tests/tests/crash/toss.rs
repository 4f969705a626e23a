//! Money that moves at Toss Payments, by way of its simulator: whoever dies, Toss has taken it once and given it back once. And what
//! only such a provider knows: a payment that never began, because nobody was in the payment window.

use std::time::Duration;

use mall_payments::toss_simulator::Simulator;
use mall_testkit::eventually;
use reqwest::Method;
use serde_json::json;

use super::case::{
    BOUGHT, Buyer, End, Money, PAID, Pieces, Point, TAKE_MONEY, WAITING, each, ends, told_in_spite,
};
use super::world::{Wish, World, run_with_toss};

/// The answer to the confirmation, or to the cancellation, is lost besides.
pub const DOUBTED: &[Point] = &[("payments", "charge.doubted")];

pub const CARRY_OUT: &[Point] = &[
    ("payments", "refund.begun"),
    ("payments", "refund.answered"),
    ("payments", "refund.written"),
];

pub const REFUSED: &[Point] = &[
    ("orders", "pay.marked"),
    ("orders", "settle.asked"),
    ("orders", "settle.unmarked"),
];

pub const GIVEN_UP: &[Point] = &[("orders", "settle.unmarked")];

/// Longer than a day.
const DAY: i64 = 25 * 60;

/// The buyer has been in the payment window, and pays.
fn confirms(toss: &Simulator, buyer: &Buyer, order: i64) -> Wish {
    let key = toss.agree(&format!("order-{order}"), 5000 * BOUGHT, None);
    let body = json!({"isCanceled": false, "isLimitExcess": false, "paymentKey": key});
    buyer.wish(Method::PUT, &format!("/order/payOrder/{order}"), Some(body))
}

async fn is_paid(world: &World, toss: &Simulator, point: Point) {
    let buyer = Buyer::new(world, 1).await;
    let order = buyer.placed(world).await;
    let wish = confirms(toss, &buyer, order);
    told_in_spite(world, point, &wish).await.expect(200);
    ends(world, &buyer, order, PAID).await;
}

#[test]
fn paying() {
    run_with_toss(async |world, toss| {
        each("toss, paying", TAKE_MONEY, async |victim, point| {
            is_paid(world, toss, (victim, point)).await;
        })
        .await;
    });
}

/// Toss has taken the money, and its answer is lost.
#[test]
fn in_doubt() {
    run_with_toss(async |world, toss| {
        each("toss, in doubt", DOUBTED, async |victim, point| {
            toss.switch(|on| on.lose_answers = 1);
            is_paid(world, toss, (victim, point)).await;
        })
        .await;
    });
}

/// A cancelled order's money goes back; with and without an answer to the first cancellation.
#[test]
fn a_cancellation_is_carried_out() {
    let done = End {
        status: "ORDER_CANCEL",
        causes: &["PLACED", "PAID", "CANCEL_REQUESTED", "CANCELED"],
        pieces: Pieces::Back,
        money: Money::Back,
    };
    run_with_toss(async |world, toss| {
        for lost in [0, 1] {
            let way = format!("toss, cancel carried out, {lost} answers lost");
            each(&way, CARRY_OUT, async |victim, point| {
                let buyer = Buyer::new(world, 1).await;
                let order = buyer.placed(world).await;
                let wish = confirms(toss, &buyer, order);
                world.insist(&wish).await.expect(200);
                let cancel = buyer.wish(Method::PUT, &format!("/order/cancel/{order}"), None);
                world.insist(&cancel).await.expect(200);
                toss.switch(|on| on.lose_answers = lost);
                let death = world.arm(victim, point);
                world.age(order, DAY).await;
                // Where the answer is lost, only asking again gets this far.
                let patience = async {
                    while world.shop.mall.is_running(victim) {
                        world.pass_time().await;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                };
                tokio::join!(world.until_dead(&death), patience);
                world.restart(victim).await;
                ends(world, &buyer, order, done).await;
            })
            .await;
        }
    });
}

/// Nobody was in the payment window: nothing can be confirmed, and the order waits for its payment as before. `stop_paying`.
#[test]
fn nothing_to_confirm() {
    run_with_toss(async |world, toss| {
        each("toss, refused", REFUSED, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.placed(world).await;
            let wish = buyer.wants_to_pay(order);
            let death = world.arm(victim, point);
            let (first, ()) = tokio::join!(world.try_once(&wish), async {
                world.until_dead(&death).await;
                world.restart(victim).await;
            });
            assert!(first.is_none_or(|first| first.status != 200));
            // Nothing is kept of a refusal like this: it is said anew each time.
            let refusal = eventually(Duration::from_secs(30), || async {
                match world.try_once(&wish).await {
                    Some(reply) if reply.status.as_u16() < 500 => Ok(reply.verdict()),
                    other => Err(format!("{other:?}")),
                }
            })
            .await;
            assert_eq!(refusal, (400, "PAYMENT_KEY_REQUIRED".to_owned()));
            ends(world, &buyer, order, WAITING).await;
            let wish = confirms(toss, &buyer, order);
            world.insist(&wish).await.expect(200);
            ends(world, &buyer, order, PAID).await;
        })
        .await;
    });
}

/// The buyer gives it up while nobody knows of the payment, which then turns out never to have begun; and who writes that down dies.
#[test]
fn given_up_meanwhile() {
    let end = End {
        status: "ORDER_CANCEL",
        causes: &["PLACED", "PAYMENT_CANCELED"],
        pieces: Pieces::Back,
        money: Money::None,
    };
    run_with_toss(async |world, _| {
        each("toss, given up", GIVEN_UP, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.placed(world).await;
            let first = world.arm(victim, "pay.marked");
            let wish = buyer.wants_to_pay(order);
            tokio::join!(world.try_once(&wish), world.until_dead(&first));
            world.begun_long_ago(order).await;
            // The job asks payments about it, and is held before it writes the answer down.
            let held = world.hold(victim, "settle.asked");
            world.restart(victim).await;
            world.until_held(&held).await;
            let path = format!("/order/payOrder/{order}");
            let give_up = buyer.wish(Method::PUT, &path, Some(json!({"isCanceled": true})));
            world.insist(&give_up).await.expect(202);
            let death = world.arm(victim, point);
            world.until_dead(&death).await;
            world.restart(victim).await;
            world.insist(&give_up).await.expect(202);
            ends(world, &buyer, order, end).await;
        })
        .await;
    });
}
