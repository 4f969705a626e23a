//! Reservations whose order never came to be.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mall_http_client::CallError;
use mall_orders_api::{OrdersApi, SERVICE, Unclaimed, Verdict};
use mall_stock::app::orphans::{Found, Orphans};
use uuid::Uuid;

use crate::support::{Books, Instance, Servers, new_product};

/// An order service that knows some orders.
#[derive(Default)]
struct FakeOrders {
    ordered: Mutex<HashSet<Uuid>>,
    asked: Mutex<Vec<Uuid>>,
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
        let is_ordered = |id: &&String| known.contains(&Uuid::parse_str(id).unwrap());
        let all = ids.iter().map(|id| Uuid::parse_str(id).unwrap());
        self.asked.lock().unwrap().extend(all);
        let (ordered, fenced): (Vec<&String>, Vec<&String>) = ids.iter().partition(is_ordered);
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
    assert_eq!((found.attached, found.released), (4, 2));
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
