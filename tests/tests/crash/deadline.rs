//! Nobody pays in time; and somebody pays in the same moment. Both orders of events, and a death at each step between: it ends paid,
//! or cancelled with nothing charged.

use super::case::{Buyer, EXPIRED, End, PAID, Point, TAKE_MONEY, each, ends};
use super::world::{World, run};

pub const EXPIRE: &[Point] = &[
    ("orders", "advance.moved"),
    ("orders", "outbox.leased"),
    ("stock", "release.written"),
    ("stock", "release.shown"),
    ("orders", "outbox.delivered"),
    ("orders", "outbox.settled"),
];

/// Who pays has only looked at his order when the deadline comes.
pub const TOO_LATE: &[Point] = &[("orders", "pay.loaded")];

/// Eleven minutes: the order is due.
const LATE: i64 = 11;

/// The deadline is through, and who carried it out dies; then, or while he is dead, the buyer pays.
#[test]
fn the_deadline_is_first() {
    run(async |world| {
        each("expired, then paid", EXPIRE, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.placed(world).await;
            let wish = buyer.wants_to_pay(order);
            let death = world.arm(victim, point);
            world.age(order, LATE).await;
            world.until_dead(&death).await;
            if victim == "orders" {
                assert!(
                    world
                        .try_once(&wish)
                        .await
                        .is_none_or(|told| told.status != 200)
                );
            }
            world.restart(victim).await;
            let told = world.insist(&wish).await;
            assert_eq!(told.verdict(), (406, "ORDER_NOT_PAYABLE".to_owned()));
            ends(world, &buyer, order, EXPIRED).await;
        })
        .await;
    });
}

/// The buyer pays, and stands between two steps when the deadline comes; then the process that he stands in dies.
#[test]
fn paying_is_first() {
    run(async |world| {
        let points = [TOO_LATE, TAKE_MONEY].concat();
        each("paying, then due", &points, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.placed(world).await;
            let wish = buyer.wants_to_pay(order);
            let another = Buyer::new(world, 1).await;
            let due = another.placed(world).await;
            let held = world.hold(victim, point);
            let story = async {
                world.until_held(&held).await;
                world.age(order, LATE).await;
                world.age(due, LATE).await;
                until_expired(world, due).await;
                world.kill(victim).await;
                world.restart(victim).await;
            };
            let (first, ()) = tokio::join!(world.try_once(&wish), story);
            let told = world.insist(&wish).await;
            assert!(first.is_none_or(|first| first.status != 200 || told.status == 200));
            // Only who has not set his mark yet is too late.
            let end: End = if TOO_LATE.contains(&(victim, point)) {
                assert_eq!(told.verdict(), (406, "ORDER_NOT_PAYABLE".to_owned()));
                EXPIRED
            } else {
                told.expect(200);
                PAID
            };
            ends(world, &buyer, order, end).await;
            ends(world, &another, due, EXPIRED).await;
        })
        .await;
    });
}

/// The deadline's job has been through since both became due: it takes them in the order of their age, in one transaction.
async fn until_expired(world: &World, order: i64) {
    let query = format!("SELECT CAST(status AS CHAR) FROM mall_orders.orders WHERE id = {order}");
    world.until_text(&query, "2").await;
}
