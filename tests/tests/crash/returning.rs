//! Cancelling and refunding: the client asks, the scheduler carries it out. And an admin's hand.

use reqwest::Method;
use serde_json::json;

use super::case::{Buyer, End, Money, PAID, Pieces, Point, each, ends, told_in_spite};
use super::world::{Wish, World, run};

pub const ASK: &[Point] = &[
    ("orders", "key.claimed"),
    ("orders", "request.written"),
    ("orders", "key.settled"),
];

/// Two messages leave: the money's and the pieces'.
pub const CARRY_OUT: &[Point] = &[
    ("orders", "advance.moved"),
    ("orders", "outbox.leased:1"),
    ("orders", "outbox.leased:2"),
    ("stock", "release.written"),
    ("stock", "release.shown"),
    ("payments", "refund.begun"),
    ("payments", "refund.answered"),
    ("payments", "refund.written"),
    ("orders", "outbox.delivered:1"),
    ("orders", "outbox.delivered:2"),
    ("orders", "outbox.settled"),
];

pub const CLAIMED: &[Point] = &[("payments", "refund.claimed")];

pub const BY_HAND: &[Point] = &[
    ("orders", "key.claimed"),
    ("orders", "move.written"),
    ("orders", "key.settled"),
];

pub const RETRIED: &[Point] = &[("orders", "retry.written")];

/// Longer than a day.
const DAY: i64 = 25 * 60;

struct Return {
    name: &'static str,
    asked: End,
    done: End,
}

const CANCEL: Return = Return {
    name: "cancel",
    asked: End {
        status: "REQ_CANCEL",
        causes: &["PLACED", "PAID", "CANCEL_REQUESTED"],
        ..PAID
    },
    done: End {
        status: "ORDER_CANCEL",
        causes: &["PLACED", "PAID", "CANCEL_REQUESTED", "CANCELED"],
        pieces: Pieces::Back,
        money: Money::Back,
    },
};

const REFUND: Return = Return {
    name: "refund",
    asked: End {
        status: "REQ_REFUND",
        causes: &[
            "PLACED",
            "PAID",
            "MOVED_BY_ADMIN",
            "MOVED_BY_ADMIN",
            "REFUND_REQUESTED",
        ],
        ..PAID
    },
    done: End {
        status: "FINISH_REFUND",
        causes: &[
            "PLACED",
            "PAID",
            "MOVED_BY_ADMIN",
            "MOVED_BY_ADMIN",
            "REFUND_REQUESTED",
            "REFUNDED",
        ],
        pieces: Pieces::Back,
        money: Money::Back,
    },
};

impl Return {
    /// A buyer with an order that this can be asked for.
    async fn ready(&self, world: &World) -> (Buyer, i64) {
        let buyer = Buyer::new(world, 1).await;
        let order = buyer.paid(world).await;
        if self.name == "refund" {
            for to in ["SHIPPING", "FINISH_SHIPPING"] {
                world.insist(&moves(world, order, to)).await.expect(200);
            }
        }
        (buyer, order)
    }

    fn wish(&self, buyer: &Buyer, order: i64) -> Wish {
        buyer.wish(Method::PUT, &format!("/order/{}/{order}", self.name), None)
    }

    fn is_asked_for(&self) {
        run(async |world| {
            each(self.name, ASK, async |victim, point| {
                let (buyer, order) = self.ready(world).await;
                let wish = self.wish(&buyer, order);
                told_in_spite(world, (victim, point), &wish)
                    .await
                    .expect(200);
                ends(world, &buyer, order, self.asked).await;
            })
            .await;
        });
    }

    fn is_carried_out(&self) {
        run(async |world| {
            let way = format!("{} carried out", self.name);
            each(&way, CARRY_OUT, async |victim, point| {
                let (buyer, order) = self.ready(world).await;
                let wish = self.wish(&buyer, order);
                world.insist(&wish).await.expect(200);
                let death = world.arm(victim, point);
                world.age(order, DAY).await;
                world.until_dead(&death).await;
                world.restart(victim).await;
                ends(world, &buyer, order, self.done).await;
            })
            .await;
        });
    }
}

fn moves(world: &World, order: i64, to: &str) -> Wish {
    let path = format!("/admin/orders/{order}/move");
    Wish::new(&world.admin, Method::POST, &path, Some(json!({"to": to})))
}

#[test]
fn a_cancellation_is_asked_for() {
    CANCEL.is_asked_for();
}

#[test]
fn a_refund_is_asked_for() {
    REFUND.is_asked_for();
}

#[test]
fn a_cancellation_is_carried_out() {
    CANCEL.is_carried_out();
}

#[test]
fn a_refund_is_carried_out() {
    REFUND.is_carried_out();
}

/// Nobody delivers the message again: payments' own job gives the money back, and dies, and gives it back.
#[test]
fn payments_refunds_by_itself() {
    run(async |world| {
        each("refunded by the job", CLAIMED, async |victim, point| {
            let (buyer, order) = CANCEL.ready(world).await;
            world
                .insist(&CANCEL.wish(&buyer, order))
                .await
                .expect(200);
            let first = world.arm(victim, "refund.begun");
            world.age(order, DAY).await;
            world.until_dead(&first).await;
            // Orders would deliver it again.
            world.kill("orders").await;
            world.pass_time().await;
            let second = world.arm(victim, point);
            world.restart(victim).await;
            world.until_dead(&second).await;
            world.restart(victim).await;
            world.pass_time().await;
            let query = format!(
                "SELECT r.state FROM mall_payments.refund r JOIN mall_payments.payment p ON p.id = r.payment_id \
                 WHERE p.order_id = {order}"
            );
            world.until_text(&query, "REFUNDED").await;
            world.restart("orders").await;
            ends(world, &buyer, order, CANCEL.done).await;
        })
        .await;
    });
}

#[test]
fn an_admin_moves_it() {
    run(async |world| {
        each("by hand", BY_HAND, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.paid(world).await;
            let wish = moves(world, order, "SHIPPING");
            told_in_spite(world, (victim, point), &wish)
                .await
                .expect(200);
            let moved = End {
                status: "SHIPPING",
                causes: &["PLACED", "PAID", "MOVED_BY_ADMIN"],
                ..PAID
            };
            ends(world, &buyer, order, moved).await;
        })
        .await;
    });
}

/// A message that was given up is given another life, and delivered; what it says has been done before.
#[test]
fn an_admin_has_a_dead_letter_tried_again() {
    run(async |world| {
        each("dead letter", RETRIED, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.paid(world).await;
            world
                .sql(&format!(
                    "INSERT INTO mall_orders.outbox (topic, ordering_key, payload, created_at, next_attempt_at, dead) \
                     SELECT 'stock.confirm', 'crash', CONCAT('{{\"reservationId\":\"', reservation_id, '\"}}'), \
                     UTC_TIMESTAMP(), UTC_TIMESTAMP(), 1 FROM mall_orders.orders WHERE id = {order}"
                ))
                .await;
            let letter = world.number("SELECT MAX(id) FROM mall_orders.outbox").await;
            let path = format!("/admin/orders/dead-letters/{letter}/retry");
            let wish = Wish::new(&world.admin, Method::POST, &path, None);
            told_in_spite(world, (victim, point), &wish)
                .await
                .expect(200);
            ends(world, &buyer, order, PAID).await;
        })
        .await;
    });
}
