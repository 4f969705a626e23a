//! What lists cost: statements, and rows that the server reads, are the same in a small table and in one ten times as large.

use std::collections::BTreeMap;
use std::convert::Infallible;

use http::Method;
use mall_db::{Db, TxError};
use mall_types::Role;

use crate::replica::{ADMIN, Replica};
use crate::support::World;

/// Buyers have ten orders each, ten seconds apart; states and products take turns.
async fn fill(world: &World, from: u32, to: u32) {
    let digits = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
                  UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let numbers = format!(
        "(SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d AS n FROM {digits} a, {digits} b, {digits} c, {digits} e) numbers \
         WHERE n >= {from} AND n < {to}"
    );
    world
        .execute(format!(
            "INSERT INTO orders (id, user_id, status, order_date, status_since, reservation_id, total) \
             SELECT n + 1, 1000 + n DIV 10, n % 8, TIMESTAMP('2024-01-01') + INTERVAL (n * 10) SECOND, '2024-01-01', UUID(), 1 \
             FROM {numbers}"
        ))
        .await;
    world
        .execute(format!(
            "INSERT INTO order_line (order_id, line_no, product_id, product_name, price, quantity, order_status) \
             SELECT n + 1, 1, n % 5, 'p', 1, 1, n % 8 FROM {numbers}"
        ))
        .await;
    world
        .execute("ANALYZE TABLE orders, order_line".to_owned())
        .await;
}

/// An instance with a single connection, whose session's counters are the instance's.
struct Watched {
    replica: Replica,
    db: Db,
}

impl Watched {
    async fn new(world: &World, url: &str) -> Self {
        let db = Db::connect_url(url, 1).unwrap();
        let replica = world.twin_with(db.clone(), crate::support::config(0), |orders| orders);
        Self { replica, db }
    }

    async fn counters(&self, pattern: &'static str) -> BTreeMap<String, i64> {
        let counters = self.db.read("counters", move |conn| {
            Box::pin(async move {
                let rows: Vec<(String, String)> = sqlx::query_as(pattern).fetch_all(conn).await?;
                Ok::<_, TxError<Infallible>>(rows)
            })
        });
        let rows = counters.await.unwrap();
        let number = |text: String| text.parse().unwrap();
        rows.into_iter()
            .map(|(name, value)| (name, number(value)))
            .collect()
    }

    /// By how much the counters rise while this is asked; the second time, when statements are prepared.
    async fn cost(&self, pattern: &'static str, user: (i64, Role), path: &str) -> i64 {
        let mut cost = 0;
        for _ in 0..2 {
            let idle = self.counters(pattern).await;
            let before = self.counters(pattern).await;
            let answer = self.replica.call(user, Method::GET, path, None, None).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            let after = self.counters(pattern).await;
            let sum = |counters: &BTreeMap<String, i64>| counters.values().sum::<i64>();
            // What looking at the counters costs itself.
            let looking = sum(&before) - sum(&idle);
            cost = sum(&after) - sum(&before) - looking;
        }
        cost
    }
}

const READS: &str = "SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_first', 'Handler_read_key', 'Handler_read_last', \
                     'Handler_read_next', 'Handler_read_prev', 'Handler_read_rnd', 'Handler_read_rnd_next')";
const STATEMENTS: &str = "SHOW SESSION STATUS WHERE Variable_name = 'Questions'";

#[tokio::test]
async fn a_list_reads_as_many_rows_in_a_small_table_as_in_a_large_one() {
    let world = World::new().await;
    let admin = (ADMIN, Role::Admin);
    let time = "from=2024-01-01T09:20&to=2024-01-01T09:40";
    let mut queries = Vec::new();
    for state in ["", "state=SHIPPING&"] {
        for product in ["", "product=3&"] {
            for buyer in ["", "buyer=1010&"] {
                for time in ["", time] {
                    for after in ["", "&after=250"] {
                        queries.push(format!(
                            "/admin/orders?{state}{product}{buyer}{time}&limit=4{after}"
                        ));
                    }
                }
            }
        }
    }
    fill(&world, 0, 400).await;
    let watched = Watched::new(&world, world.url()).await;
    let mut small = Vec::new();
    for query in &queries {
        small.push(watched.cost(READS, admin, query).await);
    }
    let lists = ["/order/orderlist", "/order/orderlist?limit=3"];
    let buyer = (1010, Role::User);
    for list in lists {
        small.push(watched.cost(READS, buyer, list).await);
    }
    fill(&world, 400, 4000).await;
    let mut wrong = Vec::new();
    for (index, query) in queries.iter().map(String::as_str).chain(lists).enumerate() {
        let who = if index < queries.len() { admin } else { buyer };
        let large = watched.cost(READS, who, query).await;
        if large > small[index] || large > 150 {
            wrong.push(format!("{query}: {} rows, then {large}", small[index]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn the_list_is_one_call_to_the_database() {
    let world = World::new().await;
    fill(&world, 0, 400).await;
    let watched = Watched::new(&world, world.url()).await;
    world
        .execute("UPDATE orders SET user_id = 5 WHERE id <= 300".to_owned())
        .await;
    // Nobody's, one buyer's ten, another's three hundred.
    for user in [99, 1035, 5] {
        for path in ["/order/orderlist", "/order/orderlist?limit=50"] {
            let cost = watched.cost(STATEMENTS, (user, Role::User), path).await;
            assert_eq!(cost, 1, "{path} of {user}");
        }
    }
}
