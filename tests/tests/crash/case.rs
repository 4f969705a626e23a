//! What cases have in common: who wants what, and how it must stand in the end.

use std::sync::atomic::{AtomicI64, Ordering};

use mall_system_tests::{Person, Reply};
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Wish, World};

/// Who dies, and where: `name`, or `name:2` for the second passage.
pub type Point = (&'static str, &'static str);

/// From the mark that an order is being paid to its step, through the provider: on every way on which money is taken.
pub const TAKE_MONEY: &[Point] = &[
    ("orders", "pay.marked"),
    ("payments", "charge.begun"),
    ("payments", "charge.answered"),
    ("payments", "charge.written"),
    ("orders", "settle.asked"),
    ("orders", "settle.written"),
];

/// Numbers of buyers, apart from those that the mint gives.
static NEXT: AtomicI64 = AtomicI64::new(7_000_000);

/// Pieces of each product, and how many are bought.
pub const PIECES: i64 = 5;
pub const BOUGHT: i64 = 2;

/// Somebody new, and what he wants.
pub struct Buyer {
    pub id: i64,
    pub person: Person,
    pub products: Vec<i64>,
}

/// Goes through the points of a way, one after the other. `MALL_CRASH_ONLY=word` goes through those with this word in their name.
#[allow(
    clippy::print_stdout,
    reason = "whoever reads of a failure wants to know which case it was"
)]
pub async fn each(way: &str, points: &[Point], story: impl AsyncFn(&'static str, &'static str)) {
    let only = std::env::var("MALL_CRASH_ONLY").unwrap_or_default();
    for (victim, point) in points {
        let name = format!("{way}: {victim} at {point}");
        if name.contains(&only) {
            let began = std::time::Instant::now();
            println!("{name}");
            story(victim, point).await;
            println!("{name}: {} ms", began.elapsed().as_millis());
        }
    }
}

impl Buyer {
    /// With so many products of his own.
    pub async fn new(world: &World, products: usize) -> Buyer {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut buyer = Buyer {
            id,
            person: world.mint.person(id),
            products: Vec::new(),
        };
        for _ in 0..products {
            buyer
                .products
                .push(world.shop.mug(&world.admin, PIECES).await);
        }
        buyer
    }

    pub fn wish(&self, method: Method, path: &str, body: Option<Value>) -> Wish {
        Wish::new(&self.person, method, path, body)
    }

    pub fn wants_to_buy(&self) -> Wish {
        let body = json!({"productId": self.products[0], "quantity": BOUGHT});
        self.wish(Method::POST, "/order/orderProduct", Some(body))
    }

    pub fn wants_to_pay(&self, order: i64) -> Wish {
        let body = json!({"isCanceled": false, "isLimitExcess": false});
        self.wish(Method::PUT, &format!("/order/payOrder/{order}"), Some(body))
    }

    /// An order that waits for its payment.
    pub async fn placed(&self, world: &World) -> i64 {
        let reply = world.insist(&self.wants_to_buy()).await.expect(200);
        reply.json()["orderId"].as_i64().unwrap()
    }

    /// One that is paid.
    pub async fn paid(&self, world: &World) -> i64 {
        let order = self.placed(world).await;
        world.insist(&self.wants_to_pay(order)).await.expect(200);
        order
    }

    /// His orders.
    pub async fn orders(&self, world: &World) -> Vec<String> {
        let query = format!(
            "SELECT CAST(id AS CHAR) FROM mall_orders.orders WHERE user_id = {}",
            self.id
        );
        world.texts(&query).await
    }
}

/// The process dies when the wish gets there, and is started again; then the client repeats his wish until he is told.
pub async fn told_in_spite(world: &World, (victim, point): Point, wish: &Wish) -> Reply {
    let death = world.arm(victim, point);
    let (first, ()) = tokio::join!(world.try_once(wish), async {
        world.until_dead(&death).await;
        world.restart(victim).await;
    });
    let reply = world.insist(wish).await;
    if let Some(first) = first.filter(|first| first.status == 200) {
        assert_eq!(first.text, reply.text, "he was told something else before");
    }
    reply
}

/// An order at its end.
#[derive(Clone, Copy)]
pub struct End {
    pub status: &'static str,
    pub causes: &'static [&'static str],
    /// Where the bought pieces are.
    pub pieces: Pieces,
    pub money: Money,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pieces {
    Held,
    Sold,
    Back,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Money {
    /// Never taken.
    None,
    Taken,
    /// Taken, and given back.
    Back,
}

pub const WAITING: End = End {
    status: "WAITING_PAYING",
    causes: &["PLACED"],
    pieces: Pieces::Held,
    money: Money::None,
};
pub const PAID: End = End {
    status: "ORDER_COMPLETE",
    causes: &["PLACED", "PAID"],
    pieces: Pieces::Sold,
    money: Money::Taken,
};
pub const EXPIRED: End = End {
    status: "ORDER_CANCEL",
    causes: &["PLACED", "PAYMENT_DEADLINE"],
    pieces: Pieces::Back,
    money: Money::None,
};

/// When all is quiet: the buyer has this order and no other, and it stands like this.
pub async fn ends(world: &World, buyer: &Buyer, order: i64, end: End) {
    world.until_quiet().await;
    assert_eq!(buyer.orders(world).await, [order.to_string()]);
    let path = format!("/order/{order}");
    let shown = world
        .shop
        .ask(Some(&buyer.person), Method::GET, &path, None)
        .await
        .expect(200)
        .json();
    assert_eq!(shown["orderStatus"], end.status, "{shown}");
    let causes =
        format!("SELECT cause FROM mall_orders.order_history WHERE order_id = {order} ORDER BY id");
    assert_eq!(world.texts(&causes).await, end.causes);
    shelf(world, buyer, end.pieces).await;
    // The provider's own books.
    let moved = world.moved(order).await;
    let expected: &[String] = match end.money {
        Money::None => &[],
        Money::Taken => &[format!("{}", 5000 * BOUGHT)],
        Money::Back => &[format!("{} back", 5000 * BOUGHT)],
    };
    assert_eq!(moved, expected, "order {order}");
    // And payments' own.
    let states = world
        .texts(&format!(
            "SELECT CONCAT(p.state, COALESCE(CONCAT(' ', r.state), '')) FROM mall_payments.payment p \
             LEFT JOIN mall_payments.refund r ON r.payment_id = p.id WHERE p.order_id = {order} AND p.state <> 'DECLINED'"
        ))
        .await;
    let expected: &[&str] = match end.money {
        Money::None => &[],
        Money::Taken => &["CAPTURED"],
        Money::Back => &["CAPTURED REFUNDED"],
    };
    assert_eq!(states, expected, "order {order}");
}

/// Where the pieces of the buyer's products are, in MySQL and as shoppers see it.
pub async fn shelf(world: &World, buyer: &Buyer, pieces: Pieces) {
    let (held, sold) = match pieces {
        Pieces::Held => (BOUGHT, 0),
        Pieces::Sold => (0, BOUGHT),
        Pieces::Back => (0, 0),
    };
    let available = PIECES - held - sold;
    for product in &buyer.products {
        let row = world
            .texts(&format!(
                "SELECT CONCAT_WS(' ', supplied, available, held, sold) FROM mall_stock.stock_item WHERE product_id = {product}"
            ))
            .await;
        assert_eq!(row, [format!("{PIECES} {available} {held} {sold}")]);
        assert_eq!(world.shop.stock(*product).await, available);
    }
}
