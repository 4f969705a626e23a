//! A sale, what each buyer of it was told, and whether that is true.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::world::World;

/// How many buy at a time.
const CROWD: usize = 12;

/// How many orders before the fault, and after it.
const SOME: usize = 30;

/// How long either may take.
const SOON: Duration = Duration::from_secs(30);

/// What somebody was told.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Ordered(i64),
    Refused(String),
    /// 503, and 504 where that is said: it may have happened.
    Perhaps(String),
    /// Nobody should be told this.
    Nonsense(String),
}

pub struct Sale<'a> {
    world: &'a World,
    pub product: i64,
    supplied: AtomicI64,
    history: Mutex<Vec<(i64, Told)>>,
    /// The longest that anybody has waited for an answer.
    slowest: Mutex<Duration>,
    /// The fault lasts longer than the gateway waits for an answer.
    outlasts_the_gateway: AtomicBool,
    over: AtomicBool,
}

impl<'a> Sale<'a> {
    /// Of a new product with so many pieces.
    pub async fn of(world: &'a World, supplied: i64) -> Sale<'a> {
        Sale {
            product: world.shop.mug(&world.admin, supplied).await,
            world,
            supplied: supplied.into(),
            history: Mutex::default(),
            slowest: Mutex::default(),
            outlasts_the_gateway: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// A crowd buys, then the fault happens (and is mended, if it has to be), then the crowd goes on buying; then the books must be right.
    pub async fn survives(&self, fault: impl AsyncFnOnce(&Sale<'a>)) {
        let story = async {
            self.reaches(SOME, "before the fault").await;
            fault(self).await;
            // Those who were on their way when it was mended count for nothing.
            self.reaches(self.orders() + CROWD + SOME, "after the fault")
                .await;
            self.over.store(true, Ordering::SeqCst);
        };
        self.with_crowd(story).await;
        self.closes().await;
    }

    /// The same when the shelf is empty soon after the fault.
    pub async fn sells_out(&self, fault: impl AsyncFnOnce(&Sale<'a>)) {
        let story = async {
            self.reaches(SOME, "before the fault").await;
            fault(self).await;
            let before = self.refusals();
            self.until("everybody is told that it is sold out", || {
                self.refusals() >= before + 3 * CROWD
            })
            .await;
            self.over.store(true, Ordering::SeqCst);
        };
        self.with_crowd(story).await;
        self.closes().await;
    }

    async fn with_crowd(&self, story: impl Future<Output = ()>) {
        let crowd = join_all((0..CROWD).map(|_| async {
            while !self.over.load(Ordering::SeqCst) {
                if !matches!(self.buy(1).await, Told::Ordered(_)) {
                    // Nobody clicks faster.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }));
        tokio::join!(crowd, story);
    }

    /// Somebody new buys.
    async fn buy(&self, quantity: i64) -> Told {
        let buyer = self.world.newcomer();
        let person = self.world.mint.person(buyer);
        let asked = Instant::now();
        let reply = self.world.shop.order(&person, self.product, quantity).await;
        let waited = asked.elapsed();
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = waited.max(*slowest);
        drop(slowest);
        let told = match (reply.status.as_u16(), reply.verdict().1) {
            (200, _) => Told::Ordered(reply.json()["orderId"].as_i64().unwrap()),
            (409, code) => Told::Refused(code),
            (503, code) => Told::Perhaps(code),
            (504, code) if self.outlasts_the_gateway.load(Ordering::SeqCst) => Told::Perhaps(code),
            _ => Told::Nonsense(format!("{} {}", reply.status, reply.text)),
        };
        self.history.lock().unwrap().push((buyer, told.clone()));
        told
    }

    fn count(&self, which: impl Fn(&Told) -> bool) -> usize {
        let history = self.history.lock().unwrap();
        history.iter().filter(|(_, told)| which(told)).count()
    }

    /// From now on a fault lasts longer than the gateway waits: who is on the way may be told 504, which leaves as open what happened.
    pub fn outlasts_the_gateway(&self) {
        self.outlasts_the_gateway.store(true, Ordering::SeqCst);
    }

    /// So many pieces more are for sale.
    pub fn supplied(&self, more: i64) {
        self.supplied.fetch_add(more, Ordering::SeqCst);
    }

    /// The longest that anybody has waited for an answer so far.
    pub fn slowest(&self) -> Duration {
        *self.slowest.lock().unwrap()
    }

    /// Orders that somebody was told of.
    pub fn orders(&self) -> usize {
        self.count(|told| matches!(told, Told::Ordered(_)))
    }

    /// Answers that left open what happened.
    pub fn doubts(&self) -> usize {
        self.count(|told| matches!(told, Told::Perhaps(_)))
    }

    fn refusals(&self) -> usize {
        self.count(|told| matches!(told, Told::Refused(_)))
    }

    /// Waits for so many orders.
    pub async fn reaches(&self, orders: usize, when: &str) {
        self.until(&format!("{orders} orders {when}"), || {
            self.orders() >= orders
        })
        .await;
    }

    /// Waits until so many were left in doubt: the fault is felt.
    pub async fn is_felt(&self) {
        let before = self.doubts();
        self.until("the fault is felt", || self.doubts() >= before + 5)
            .await;
    }

    /// Waits.
    pub async fn until(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + SOON;
        while !done() {
            if Instant::now() > deadline {
                self.over.store(true, Ordering::SeqCst);
                panic!(
                    "not within {SOON:?}: {what}; {} orders, {} refusals, {} in doubt so far, the last was told {:?}",
                    self.orders(),
                    self.refusals(),
                    self.doubts(),
                    self.history.lock().unwrap().last()
                );
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The crowd has gone. When all is quiet the books are right, what people were told is true, and what is left can be bought.
    async fn closes(&self) {
        let world = self.world;
        if let Err(found) = world.audited().await {
            panic!("the audit still finds, a minute later:\n{found}");
        }
        self.history_is_true().await;
        let left = world.shop.stock(self.product).await;
        if left > 0 {
            let told = self.buy(left).await;
            assert!(
                matches!(told, Told::Ordered(_)),
                "{left} left, but {told:?}"
            );
        }
        assert_eq!(self.buy(1).await, Told::Refused("SOLD_OUT".into()));
        if let Err(found) = world.audited().await {
            panic!("sold out, and the audit finds:\n{found}");
        }
        let ordered = self.history_is_true().await;
        let supplied = self.supplied.load(Ordering::SeqCst);
        assert_eq!(ordered, supplied, "every piece is sold, and no other");
    }

    /// Compares what people were told with what orders has; gives the pieces ordered.
    async fn history_is_true(&self) -> i64 {
        let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT o.user_id, o.id, l.quantity FROM mall_orders.orders o \
             JOIN mall_orders.order_line l ON l.order_id = o.id WHERE l.product_id = ? AND o.status = 7",
        )
        .bind(self.product)
        .fetch_all(&self.world.mysql)
        .await
        .unwrap();
        let mut orders: HashMap<i64, Vec<i64>> = HashMap::new();
        for (buyer, order, _) in &rows {
            orders.entry(*buyer).or_default().push(*order);
        }
        let history = self.history.lock().unwrap();
        let lies: Vec<String> = history
            .iter()
            .filter_map(|(buyer, told)| {
                let has = orders.remove(buyer).unwrap_or_default();
                let is_true = match told {
                    Told::Ordered(order) => has == [*order],
                    Told::Refused(_) => has.is_empty(),
                    Told::Perhaps(_) => has.len() <= 1,
                    Told::Nonsense(_) => false,
                };
                (!is_true).then(|| format!("{buyer} was told {told:?} and has {has:?}"))
            })
            .collect();
        assert!(lies.is_empty(), "{}", lies.join("\n"));
        assert!(orders.is_empty(), "orders of nobody: {orders:?}");
        rows.iter().map(|(_, _, quantity)| quantity).sum()
    }
}
