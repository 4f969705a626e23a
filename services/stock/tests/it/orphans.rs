//! Reservations whose order never came to be.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mall_http_client::CallError;
use mall_orders_api::{OrdersApi, SERVICE, Unclaimed, Verdict};
use mall_stock::app::orphans::{Found, Orphans};
use mall_stock::store::unattached;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use uuid::Uuid;

use crate::support::{Books, Instance, Servers, new_product};

/// An order service that knows some orders.
#[derive(Default)]
struct FakeOrders {
    ordered: Mutex<HashSet<Uuid>>,
    asked: Mutex<Vec<Uuid>>,
    /// Says nothing of these.
    undecided: Mutex<HashSet<Uuid>>,
    away: Mutex<bool>,
}

impl FakeOrders {
    fn orders(&self, id: Uuid) {
        self.ordered.lock().unwrap().insert(id);
    }

    fn asked(&self) -> Vec<Uuid> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait]
impl OrdersApi for FakeOrders {
    async fn judge(&self, unclaimed: &Unclaimed) -> Result<Verdict, CallError> {
        if *self.away.lock().unwrap() {
            let service = SERVICE.to_owned();
            return Err(CallError::NoInstance { service });
        }
        let ids = &unclaimed.reservation_ids;
        let known = self.ordered.lock().unwrap();
        let undecided = self.undecided.lock().unwrap();
        let is_ordered = |id: &&String| known.contains(&Uuid::parse_str(id).unwrap());
        let all = ids.iter().map(|id| Uuid::parse_str(id).unwrap());
        self.asked.lock().unwrap().extend(all);
        let said = ids
            .iter()
            .filter(|id| !undecided.contains(&Uuid::parse_str(id).unwrap()));
        let (ordered, fenced): (Vec<&String>, Vec<&String>) = said.partition(is_ordered);
        Ok(Verdict {
            ordered: ordered.into_iter().cloned().collect(),
            fenced: fenced.into_iter().cloned().collect(),
        })
    }
}

fn orphans(app: &Instance, orders: &Arc<FakeOrders>, age: Duration) -> Orphans {
    Orphans::new(app.stock.clone(), orders.clone(), age)
}

async fn look(orphans: &Orphans) -> Found {
    orphans.release(|| false).await.unwrap()
}

const NOTHING: Found = Found {
    attached: 0,
    released: 0,
};

#[tokio::test]
async fn what_has_no_order_is_given_back_and_what_has_one_is_asked_about_once() {
    let servers = Servers::open().await;
    let (app, product, other) = (servers.instance(), new_product(), new_product());
    app.supply(product, 10).await;
    app.supply(other, 10).await;
    let orders = Arc::new(FakeOrders::default());
    let orphans = orphans(&app, &orders, Duration::ZERO);

    let (ordered, lost, several) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    app.reserve(ordered, &[(product, 1)]).await.ok();
    app.reserve(lost, &[(product, 2)]).await.ok();
    app.reserve(several, &[(product, 3), (other, 4)]).await.ok();
    orders.orders(ordered);
    // Paid, given back and never taken: nobody is asked about these.
    let (sold, released, spent) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    app.reserve(sold, &[(product, 1)]).await.ok();
    app.confirm(sold).await.ok();
    app.reserve(released, &[(product, 1)]).await.ok();
    app.release(released).await.ok();
    app.release(spent).await.ok();

    let found = look(&orphans).await;
    // What never took is not even looked at.
    assert_eq!((found.attached, found.released), (3, 2));
    let mut asked = orders.asked();
    asked.sort_unstable();
    assert_eq!(asked, [ordered, lost, several]);
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held, books.sold), (8, 1, 1));
    assert_eq!(servers.audit(other).await.available, 10);
    assert_eq!(app.reserve(lost, &[(product, 2)]).await.status, 409);

    assert_eq!(look(&orphans).await, NOTHING);
    assert!(orders.asked().is_empty(), "nobody is asked about twice");
}

#[tokio::test]
async fn nothing_is_given_back_while_orders_is_away_nor_before_its_time() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 10).await;
    let orders = Arc::new(FakeOrders::default());
    let lost = Uuid::now_v7();
    app.reserve(lost, &[(product, 2)]).await.ok();

    let patient = orphans(&app, &orders, Duration::from_secs(3600));
    assert_eq!(look(&patient).await, NOTHING);
    assert!(orders.asked().is_empty());

    let orphans = orphans(&app, &orders, Duration::ZERO);
    *orders.away.lock().unwrap() = true;
    orphans.release(|| false).await.unwrap_err();
    let held = Books {
        supplied: 10,
        available: 8,
        held: 2,
        sold: 0,
    };
    assert_eq!(servers.audit(product).await, held);

    *orders.away.lock().unwrap() = false;
    assert_eq!(look(&orphans).await.released, 1);
    assert_eq!(servers.audit(product).await.available, 10);
}

#[tokio::test]
async fn two_instances_that_look_at_once_give_back_once() {
    let servers = Servers::open().await;
    let (one, two, product) = (servers.instance(), servers.instance(), new_product());
    // More than one question.
    one.supply(product, 1200).await;
    let ids: Vec<Uuid> = (0..1100).map(|_| Uuid::now_v7()).collect();
    for some in ids.chunks(100) {
        let line = [(product, 1)];
        let all = some.iter().map(|id| one.reserve(*id, &line));
        for reply in futures_util::future::join_all(all).await {
            reply.ok();
        }
    }
    let orders = Arc::new(FakeOrders::default());
    for id in &ids[..1000] {
        orders.orders(*id);
    }
    let (first, second) = (
        orphans(&one, &orders, Duration::ZERO),
        orphans(&two, &orders, Duration::ZERO),
    );
    let (first, second) = tokio::join!(look(&first), look(&second));
    assert_eq!(first.released + second.released, 100);
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held), (200, 1000));
}

async fn connection(servers: &Servers) -> MySqlConnection {
    MySqlConnection::connect(&servers.schema.url).await.unwrap()
}

async fn sql(conn: &mut MySqlConnection, text: String) {
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(conn)
        .await
        .unwrap();
}

/// The batches that wait to be asked about, each with how many reservations.
async fn waiting(conn: &mut MySqlConnection) -> Vec<i64> {
    sqlx::query_scalar(
        "SELECT CAST(LENGTH(ids) DIV 16 AS SIGNED) FROM unattached ORDER BY created_at, first",
    )
    .fetch_all(conn)
    .await
    .unwrap()
}

#[tokio::test]
async fn of_what_was_booked_together_only_what_is_undecided_is_asked_about_again() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    let mut conn = connection(&servers).await;
    app.supply(product, 20).await;
    let ids: Vec<Uuid> = (0..10).map(|_| Uuid::now_v7()).collect();
    let line = [(product, 1)];
    let all = ids.iter().map(|id| app.reserve(*id, &line));
    for reply in futures_util::future::join_all(all).await {
        reply.ok();
    }
    let batches = waiting(&mut conn).await;
    assert!(
        batches.len() < 10 && batches.iter().sum::<i64>() == 10,
        "{batches:?}"
    );

    let orders = Arc::new(FakeOrders::default());
    ids[..6].iter().for_each(|id| orders.orders(*id));
    *orders.undecided.lock().unwrap() = ids[8..].iter().copied().collect();
    let orphans = orphans(&app, &orders, Duration::ZERO);
    let found = look(&orphans).await;
    assert_eq!((found.attached, found.released), (6, 2));
    assert_eq!(waiting(&mut conn).await.iter().sum::<i64>(), 2);

    orders.asked();
    orders.undecided.lock().unwrap().clear();
    assert_eq!(look(&orphans).await.released, 2);
    let mut asked = orders.asked();
    asked.sort_unstable();
    assert_eq!(asked, ids[8..]);
    assert_eq!(waiting(&mut conn).await, [0_i64; 0]);
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held), (14, 6));
}

/// How many rows the server reads for what the job asks.
async fn rows_read(conn: &mut MySqlConnection) -> i64 {
    let read = "SELECT CAST(SUM(variable_value) AS SIGNED) FROM information_schema.session_status \
         WHERE variable_name LIKE 'Handler_read_%'";
    let read = if is_mysql(conn).await {
        read.replace("information_schema", "performance_schema")
    } else {
        read.to_owned()
    };
    // Asking reads rows itself: 349 of them in MySQL 9.7, whose table of a session's counters is longer than MariaDB's.
    let asked: i64 = sqlx::query_scalar(AssertSqlSafe(read.clone()))
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let before: i64 = sqlx::query_scalar(AssertSqlSafe(read.clone()))
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let now = mall_clock::Clock::now(&mall_clock::SystemClock);
    let batches = unattached::before(conn, now, None, 64).await.unwrap();
    assert_eq!(batches.len(), 1);
    let held = unattached::held(conn, &batches[0].ids).await.unwrap();
    assert_eq!(held.len(), 1);
    let after: i64 = sqlx::query_scalar(AssertSqlSafe(read))
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    after - before - (before - asked)
}

async fn is_mysql(conn: &mut MySqlConnection) -> bool {
    let version: String = sqlx::query_scalar("SELECT VERSION()")
        .fetch_one(conn)
        .await
        .unwrap();
    !version.contains("MariaDB")
}

#[tokio::test]
async fn a_look_reads_as_much_beside_many_old_reservations_as_beside_none() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    let mut conn = connection(&servers).await;
    app.supply(product, 10).await;
    app.reserve(Uuid::now_v7(), &[(product, 1)]).await.ok();
    rows_read(&mut conn).await;
    let alone = rows_read(&mut conn).await;
    let ten = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
         UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let old = format!(
        "INSERT INTO reservation (reservation_id, state, buyer, product_id, quantity, created_at, updated_at) \
         SELECT UNHEX(LEFT(SHA2(n, 256), 32)), 'SOLD', n, {product}, 1, '2020-01-01', '2020-01-01' FROM \
         (SELECT a.d * 1000 + b.d * 100 + c.d * 10 + e.d AS n FROM {ten} a, {ten} b, {ten} c, {ten} e) numbers"
    );
    sql(&mut conn, old).await;
    assert_eq!(rows_read(&mut conn).await, alone);
}
