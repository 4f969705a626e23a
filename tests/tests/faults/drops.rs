//! A drop with a limit per buyer, clicked at without pause while something dies: nobody before the opening, nobody above the limit,
//! and whoever keeps clicking gets all of it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::join_all;
use mall_system_tests::Person;
use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;

use super::world::{World, run};

const BUYERS: usize = 12;
/// Hands of one buyer.
const HANDS: usize = 2;
const LIMIT: usize = 2;
const FULL: &str = "PURCHASE_LIMIT_EXCEEDED";
/// How long a buyer may have to click.
const SOON: Duration = Duration::from_secs(60);

struct Drop<'a> {
    world: &'a World,
    product: i64,
    buyers: Vec<(i64, Person)>,
    /// What was told that is neither an order, nor a refusal of the drop's own, nor "perhaps".
    nonsense: Mutex<Vec<String>>,
    orders: Mutex<HashMap<i64, i64>>,
}

impl<'a> Drop<'a> {
    async fn of(world: &'a World) -> Drop<'a> {
        let opens: String = sqlx::query_scalar(
            "SELECT DATE_FORMAT(UTC_TIMESTAMP() + INTERVAL 2 SECOND, '%Y-%m-%dT%H:%i:%sZ')",
        )
        .fetch_one(&world.mysql)
        .await
        .unwrap();
        let product = json!({
            "name": "Drop", "price": 100, "stock": 500, "isLimitedEdition": true, "purchaseLimit": LIMIT,
            "openDateTime": opens,
        });
        let buyers = (0..BUYERS).map(|_| {
            let number = world.newcomer();
            (number, world.mint.person(number))
        });
        Drop {
            product: world.shop.add_product(&world.admin, product).await,
            buyers: buyers.collect(),
            world,
            nonsense: Mutex::default(),
            orders: Mutex::default(),
        }
    }

    /// Clicks until told that the limit is reached.
    async fn click(&self, (number, person): &(i64, Person)) {
        let deadline = Instant::now() + SOON;
        let mut last = String::new();
        while Instant::now() < deadline {
            let reply = self.world.shop.order(person, self.product, 1).await;
            let verdict = reply.verdict();
            match (verdict.0, verdict.1.as_str()) {
                (200, _) => {
                    let order = reply.json()["orderId"].as_i64().unwrap();
                    self.orders.lock().unwrap().insert(order, *number);
                }
                (409, FULL) => return,
                (409, "NOT_YET_OPEN") | (503, _) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                _ => {
                    let told = format!("{number} was told {} {}", reply.status, reply.text);
                    self.nonsense.lock().unwrap().push(told);
                }
            }
            last = reply.text;
        }
        panic!("{number} still has not reached the limit, last told {last}");
    }

    async fn all_click(&self) {
        let hands = self.buyers.iter().flat_map(|buyer| [buyer; HANDS]);
        join_all(hands.map(|buyer| self.click(buyer))).await;
    }

    fn accepted(&self) -> usize {
        self.orders.lock().unwrap().len()
    }

    /// When quiet: everybody has exactly the limit, all of it after the opening.
    async fn holds(&self) {
        if let Err(found) = self.world.audited().await {
            panic!("the audit still finds, a minute later:\n{found}");
        }
        assert_eq!(*self.nonsense.lock().unwrap(), Vec::<String>::new());
        let rows: Vec<(i64, i64, bool)> = sqlx::query_as(
            "SELECT o.id, o.user_id, r.created_at >= i.opens_at FROM mall_orders.orders o \
             JOIN mall_orders.order_line l ON l.order_id = o.id \
             JOIN mall_stock.stock_item i ON i.product_id = l.product_id \
             JOIN mall_stock.reservation r ON r.reservation_id = UNHEX(REPLACE(o.reservation_id, '-', '')) \
             WHERE l.product_id = ? AND o.status NOT IN (2, 6)",
        )
        .bind(self.product)
        .fetch_all(&self.world.mysql)
        .await
        .unwrap();
        assert!(
            rows.iter().all(|(.., open)| *open),
            "before the opening: {rows:?}"
        );
        for (number, _) in &self.buyers {
            let has = rows.iter().filter(|(_, buyer, _)| buyer == number).count();
            assert_eq!(has, LIMIT, "orders of {number}");
        }
        for (order, buyer) in self.orders.lock().unwrap().iter() {
            assert!(
                rows.iter()
                    .any(|(id, user, _)| id == order && user == buyer),
                "{buyer} was told of order {order}"
            );
        }
    }

    /// Each buyer cancels one, whose place comes back once.
    async fn all_cancel_one(&self) {
        for (number, person) in &self.buyers {
            let order: i64 = sqlx::query_scalar(
                "SELECT o.id FROM mall_orders.orders o JOIN mall_orders.order_line l ON l.order_id = o.id \
                 WHERE o.user_id = ? AND l.product_id = ? AND o.status = 7 LIMIT 1",
            )
            .bind(number)
            .bind(self.product)
            .fetch_one(&self.world.mysql)
            .await
            .unwrap();
            let path = format!("/order/payOrder/{order}");
            let body = json!({"isCanceled": true});
            // Before it is paid. Told 503, it may have been.
            loop {
                let reply = self
                    .world
                    .shop
                    .ask(Some(person), Method::PUT, &path, Some(body.clone()))
                    .await;
                if reply.status != 503 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.orders.lock().unwrap().remove(&order);
        }
    }
}

/// The same three times: the opening, the rush, and what comes back.
async fn survives(world: &World, fault: impl AsyncFn()) {
    let drop = Drop::of(world).await;
    let faults = async {
        let deadline = Instant::now() + SOON;
        while drop.accepted() < BUYERS / 2 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        fault().await;
    };
    tokio::join!(drop.all_click(), faults);
    // A reservation whose order was lost fills the limit until it is given back.
    world.audited().await.unwrap();
    drop.all_click().await;
    drop.holds().await;
    tokio::join!(drop.all_cancel_one(), fault());
    // The places are there once the pieces are: messages of orders are on their way till then.
    world.audited().await.unwrap();
    drop.all_click().await;
    drop.holds().await;
}

#[test]
fn a_limit_holds_while_redis_is_emptied() {
    run(async |world| {
        survives(&world, async || {
            for _ in 0..3 {
                world.redis("FLUSHALL").await;
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        })
        .await;
    });
}

#[test]
fn a_limit_holds_while_an_instance_of_stock_is_killed() {
    run(async |world| {
        survives(&world, async || {
            world.shop.mall.kill("stock-2").await;
            world.shop.mall.restart("stock-2").await.unwrap();
        })
        .await;
    });
}

#[test]
fn a_limit_holds_while_answers_to_commits_are_lost() {
    run(async |world| {
        survives(&world, async || {
            world
                .network
                .set(mall_testkit::Weather::LoseAnswerTo(b"COMMIT"));
            tokio::time::sleep(Duration::from_millis(300)).await;
            world.network.set(mall_testkit::Weather::Fine);
        })
        .await;
    });
}

/// Both clocks are wrong by as much as is not noticed, and change their minds.
#[test]
fn a_limit_holds_while_clocks_jump() {
    run(async |world| {
        survives(&world, async || {
            for seconds in [4, -4, 4] {
                world.set_clock("stock", seconds);
                world.set_clock("stock-2", -seconds);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
        for stock in super::world::STOCKS {
            world.set_clock(stock, 0);
        }
    });
}
