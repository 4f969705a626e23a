//! Those who have no part in an order but stand on its way: the gateway, which dies while the order goes on behind it, and users,
//! whom nobody asks - a token is good without it.

use super::case::{Buyer, PAID, Point, WAITING, each, ends};
use super::world::{Wish, World, run};

/// Where the order is when the gateway dies.
const PLACE: &[Point] = &[
    ("gateway", "placing.reserved"),
    ("gateway", "placing.written"),
];
const PAY: &[Point] = &[("gateway", "pay.marked"), ("gateway", "settle.written")];

/// The gateway dies while orders stands at this point, and the client repeats: the answer.
async fn loses_its_gateway(world: &World, (victim, point): Point, wish: &Wish) -> String {
    let held = world.hold("orders", point);
    let (first, ()) = tokio::join!(world.try_once(wish), async {
        world.until_held(&held).await;
        world.kill(victim).await;
        world.restart(victim).await;
        world.let_go("orders");
    });
    assert!(first.is_none(), "{first:?}");
    world.insist(wish).await.expect(200).text
}

#[test]
fn the_gateway_dies_while_an_order_is_placed() {
    run(async |world| {
        each("placing, no gateway", PLACE, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let wish = buyer.wants_to_buy();
            let told = loses_its_gateway(world, (victim, point), &wish).await;
            let orders = buyer.orders(world).await;
            assert_eq!(told, format!("{{\"orderId\":{}}}", orders[0]));
            ends(world, &buyer, orders[0].parse().unwrap(), WAITING).await;
        })
        .await;
    });
}

#[test]
fn the_gateway_dies_while_an_order_is_paid() {
    run(async |world| {
        each("paying, no gateway", PAY, async |victim, point| {
            let buyer = Buyer::new(world, 1).await;
            let order = buyer.placed(world).await;
            loses_its_gateway(world, (victim, point), &buyer.wants_to_pay(order)).await;
            ends(world, &buyer, order, PAID).await;
        })
        .await;
    });
}

#[test]
fn users_is_dead() {
    run(async |world| {
        world.kill("users").await;
        let buyer = Buyer::new(world, 1).await;
        let order = buyer.paid(world).await;
        world.restart("users").await;
        ends(world, &buyer, order, PAID).await;
    });
}
