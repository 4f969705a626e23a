//! Paying an order, being declined, giving it up.

use reqwest::Method;
use serde_json::{Value, json};

use super::case::{Buyer, End, Money, PAID, Pieces, Point, TAKE_MONEY, each, ends, told_in_spite};
use super::world::run;

/// Before [`TAKE_MONEY`].
pub const BEGIN: &[Point] = &[("orders", "key.claimed"), ("orders", "pay.loaded")];

/// And behind it.
pub const CONFIRM: &[Point] = &[
    ("orders", "outbox.leased"),
    ("stock", "confirm.written"),
    ("orders", "outbox.delivered"),
    ("orders", "outbox.settled"),
    ("orders", "key.settled"),
];

/// The same way with another end.
pub const DECLINED: &[Point] = &[
    ("payments", "charge.written"),
    ("orders", "settle.asked"),
    ("orders", "settle.written"),
    ("stock", "release.written"),
    ("orders", "key.settled"),
];

pub const GIVE_UP: &[Point] = &[
    ("orders", "key.claimed"),
    ("orders", "pay.loaded"),
    ("orders", "giveup.written"),
    ("orders", "outbox.leased"),
    ("stock", "release.written"),
    ("stock", "release.shown"),
    ("orders", "outbox.delivered"),
    ("orders", "outbox.settled"),
    ("orders", "key.settled"),
];

pub const DOUBTED: &[Point] = &[("payments", "charge.doubted")];
pub const CLAIMED: &[Point] = &[("payments", "charge.claimed")];

const DECLINE: End = End {
    status: "ORDER_CANCEL",
    causes: &["PLACED", "PAYMENT_DECLINED"],
    pieces: Pieces::Back,
    money: Money::None,
};
const GIVEN_UP: End = End {
    causes: &["PLACED", "PAYMENT_CANCELED"],
    ..DECLINE
};

/// Whoever says this of the payment is told that, and that is how it ends.
fn says(way: &str, points: &[Point], body: Value, told: Result<(), &str>, end: End) {
    run(async |world| {
        each(way, points, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.placed(world).await;
            let path = format!("/order/payOrder/{order}");
            let wish = buyer.wish(Method::PUT, &path, Some(body.clone()));
            let reply = told_in_spite(world, (victim, point), &wish).await;
            match told {
                Ok(()) => drop(reply.expect(200)),
                Err(code) => assert_eq!(reply.verdict(), (409, code.to_owned())),
            }
            ends(world, &buyer, order, end).await;
        })
        .await;
    });
}

#[test]
fn paying() {
    let body = json!({"isCanceled": false, "isLimitExcess": false});
    says(
        "paying",
        &[BEGIN, TAKE_MONEY, CONFIRM].concat(),
        body,
        Ok(()),
        PAID,
    );
}

#[test]
fn being_declined() {
    let body = json!({"isCanceled": false, "isLimitExcess": true});
    says("declined", DECLINED, body, Err("PAYMENT_DECLINED"), DECLINE);
}

#[test]
fn giving_up() {
    let body = json!({"isCanceled": true});
    says("giving up", GIVE_UP, body, Ok(()), GIVEN_UP);
}

/// The provider has taken the money, and its answer is lost.
#[test]
fn in_doubt() {
    let body = json!({"isCanceled": false, "isLimitExcess": false, "lose": "ANSWER"});
    says("in doubt", DOUBTED, body, Ok(()), PAID);
}

/// Nobody repeats anything: payments' own job asks, and dies, and asks again.
#[test]
fn payments_asks_by_itself() {
    run(async |world| {
        each("asked by the job", CLAIMED, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.placed(world).await;
            let wish = buyer.wants_to_pay(order);
            let first = world.arm(victim, "charge.answered");
            tokio::join!(world.try_once(&wish), world.until_dead(&first));
            // Orders would ask as well.
            world.kill("orders").await;
            world.pass_time().await;
            let second = world.arm(victim, point);
            world.restart(victim).await;
            world.until_dead(&second).await;
            world.restart(victim).await;
            world.pass_time().await;
            let query = format!("SELECT state FROM mall_payments.payment WHERE order_id = {order}");
            world.until_text(&query, "CAPTURED").await;
            world.restart("orders").await;
            world.insist(&wish).await.expect(200);
            ends(world, &buyer, order, PAID).await;
        })
        .await;
    });
}
