//! What MySQL and Redis hold, behind the services' backs.

use std::collections::BTreeMap;
use std::time::Duration;

use mall_system_tests::Shop;
use mall_testkit::eventually;
use sqlx::{AssertSqlSafe, MySqlPool};

/// The topic of messages that tests put into an outbox themselves; nobody delivers them.
pub const NOBODYS: &str = "tests.nobodys";

/// The mall's data.
pub struct Books {
    mysql: MySqlPool,
    redis: redis::Client,
}

/// A product's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    pub supplied: i64,
    pub available: i64,
    pub held: i64,
    pub sold: i64,
}

/// Rows and checksum of each table.
pub type Fingerprint = BTreeMap<String, (i64, i64)>;

impl Books {
    pub async fn open(shop: &Shop) -> Books {
        let mysql = MySqlPool::connect(&shop.mall.mysql_url()).await.unwrap();
        let redis = redis::Client::open(shop.mall.redis_url()).unwrap();
        Books { mysql, redis }
    }

    /// Runs a statement.
    pub async fn sql(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&self.mysql)
            .await
            .unwrap();
    }

    /// The one number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        let (number,): (i64,) = sqlx::query_as(AssertSqlSafe(query.to_owned()))
            .fetch_one(&self.mysql)
            .await
            .unwrap();
        number
    }

    /// A column of texts.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(query.to_owned()))
            .fetch_all(&self.mysql)
            .await
            .unwrap();
        rows.into_iter().map(|(text,)| text).collect()
    }

    /// The time in so many seconds, as JSON takes it.
    pub async fn time_in(&self, seconds: i64) -> String {
        let query = format!(
            "SELECT DATE_FORMAT(UTC_TIMESTAMP() + INTERVAL {seconds} SECOND, '%Y-%m-%dT%H:%i:%sZ')"
        );
        self.texts(&query).await.remove(0)
    }

    /// A product's pieces.
    pub async fn stock(&self, product: i64) -> Item {
        let query = "SELECT supplied, available, held, sold FROM mall_stock.stock_item WHERE product_id = ?";
        let (supplied, available, held, sold) = sqlx::query_as(query)
            .bind(product)
            .fetch_one(&self.mysql)
            .await
            .unwrap();
        Item {
            supplied,
            available,
            held,
            sold,
        }
    }

    /// Waits until a product's pieces stand so.
    pub async fn wait_for_stock(
        &self,
        product: i64,
        supplied: i64,
        available: i64,
        held: i64,
        sold: i64,
    ) {
        let wanted = Item {
            supplied,
            available,
            held,
            sold,
        };
        eventually(Duration::from_secs(15), || async {
            let found = self.stock(product).await;
            if found == wanted {
                Ok(())
            } else {
                Err(format!("product {product}: {found:?}, wanted {wanted:?}"))
            }
        })
        .await;
    }

    /// Sums of the ledger of a product: they are its row.
    pub async fn ledger(&self, product: i64) -> Item {
        let query = "SELECT CAST(SUM(supplied) AS SIGNED), CAST(SUM(available) AS SIGNED), CAST(SUM(held) AS SIGNED), \
                     CAST(SUM(sold) AS SIGNED) FROM mall_stock.stock_movement WHERE product_id = ?";
        let (supplied, available, held, sold) = sqlx::query_as(query)
            .bind(product)
            .fetch_one(&self.mysql)
            .await
            .unwrap();
        Item {
            supplied,
            available,
            held,
            sold,
        }
    }

    /// State and amount of an order's payment.
    pub async fn payment(&self, order: i64) -> Option<(String, i64)> {
        let query = "SELECT state, amount FROM mall_payments.payment WHERE order_id = ?";
        sqlx::query_as(query)
            .bind(order)
            .fetch_optional(&self.mysql)
            .await
            .unwrap()
    }

    /// State and amount of an order's refunds.
    pub async fn refunds(&self, order: i64) -> Vec<(String, i64)> {
        let query = "SELECT r.state, r.amount FROM mall_payments.refund r JOIN mall_payments.payment p ON p.id = r.payment_id \
                     WHERE p.order_id = ?";
        sqlx::query_as(query)
            .bind(order)
            .fetch_all(&self.mysql)
            .await
            .unwrap()
    }

    /// What the simulated provider has of an order: charges, and how many of them were given back.
    pub async fn charges(&self, order: i64) -> (i64, i64) {
        let query = "SELECT COUNT(*), COUNT(c.refunded_at) FROM mall_payments.simulated_charge c \
                     JOIN mall_payments.payment p ON p.provider_key = c.provider_key WHERE p.order_id = ?";
        sqlx::query_as(query)
            .bind(order)
            .fetch_one(&self.mysql)
            .await
            .unwrap()
    }

    /// What happened to an order, oldest first.
    pub async fn causes(&self, order: i64) -> Vec<String> {
        self.texts(&format!(
            "SELECT cause FROM mall_orders.order_history WHERE order_id = {order} ORDER BY id"
        ))
        .await
    }

    /// What Redis says is left.
    pub async fn hot_count(&self, product: i64) -> Option<i64> {
        let mut redis = self.redis().await;
        redis::cmd("GET")
            .arg(hot_key(product))
            .query_async(&mut redis)
            .await
            .unwrap()
    }

    /// Makes Redis say something else.
    pub async fn tamper(&self, product: i64, count: Option<i64>) {
        let mut redis = self.redis().await;
        let () = match count {
            Some(count) => redis::cmd("SET")
                .arg(hot_key(product))
                .arg(count)
                .query_async(&mut redis)
                .await
                .unwrap(),
            None => redis::cmd("DEL")
                .arg(hot_key(product))
                .query_async(&mut redis)
                .await
                .unwrap(),
        };
    }

    /// Empties Redis.
    pub async fn lose_redis(&self) {
        let mut redis = self.redis().await;
        let () = redis::cmd("FLUSHALL")
            .query_async(&mut redis)
            .await
            .unwrap();
    }

    async fn redis(&self) -> redis::aio::MultiplexedConnection {
        self.redis.get_multiplexed_async_connection().await.unwrap()
    }

    /// Waits until nothing is on its way between services.
    pub async fn quiet(&self) {
        let outboxes = ["mall_users", "mall_products", "mall_orders"];
        let counts: Vec<String> = outboxes
            .iter()
            .map(|schema| {
                format!("(SELECT COUNT(*) FROM {schema}.outbox WHERE topic <> '{NOBODYS}')")
            })
            .collect();
        let query = format!("SELECT {}", counts.join(" + "));
        eventually(Duration::from_secs(20), || async {
            match self.number(&query).await {
                0 => Ok(()),
                rows => Err(format!("{rows} messages are on their way")),
            }
        })
        .await;
    }

    /// Rows and checksum of every table of every service, but for the leases of jobs, which run by the clock.
    pub async fn fingerprint(&self) -> Fingerprint {
        let tables = self
            .texts(
                "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables \
                 WHERE table_schema LIKE 'mall\\_%' AND table_name <> 'job_lease' ORDER BY 1",
            )
            .await;
        assert!(tables.len() > 15, "{tables:?}");
        let mut prints = Fingerprint::new();
        for table in tables {
            let rows = self.number(&format!("SELECT COUNT(*) FROM {table}")).await;
            let (_, checksum): (String, Option<i64>) =
                sqlx::query_as(AssertSqlSafe(format!("CHECKSUM TABLE {table}")))
                    .fetch_one(&self.mysql)
                    .await
                    .unwrap();
            prints.insert(table, (rows, checksum.unwrap_or_default()));
        }
        prints
    }
}

fn hot_key(product: i64) -> String {
    format!("{{LOCK:{product}}}:available")
}

/// The tables that differ.
pub fn changed(before: &Fingerprint, after: &Fingerprint) -> Vec<String> {
    let mut tables: Vec<&String> = before.keys().chain(after.keys()).collect();
    tables.sort();
    tables.dedup();
    let differ = tables
        .into_iter()
        .filter(|table| before.get(*table) != after.get(*table));
    differ
        .map(|table| format!("{table}: {:?} -> {:?}", before.get(table), after.get(table)))
        .collect()
}
