//! Law 1 under concurrency: exactly what there is gets sold, by several instances at once.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{Instance, Reply, Servers, new_product};

/// How often each status and code was answered.
type Tally = BTreeMap<(u16, String), usize>;

fn tally(replies: Vec<Reply>) -> Tally {
    let mut tally = Tally::new();
    for reply in replies {
        let (status, code) = reply.problem();
        *tally.entry((status, code.to_owned())).or_default() += 1;
    }
    tally
}

/// So many buyers at once, taking turns at the instances, each wanting the same lines.
async fn crowd(instances: &[Instance], buyers: usize, lines: &[(i64, i64)]) -> Tally {
    let mut tasks = JoinSet::new();
    for buyer in 0..buyers {
        let (app, lines) = (instances[buyer % instances.len()].clone(), lines.to_vec());
        tasks.spawn(async move { app.reserve(Uuid::now_v7(), &lines).await });
    }
    tally(tasks.join_all().await)
}

fn expected(parts: &[(u16, &str, usize)]) -> Tally {
    parts
        .iter()
        .map(|(status, code, count)| ((*status, (*code).to_owned()), *count))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_of_the_last_fifty_leave_exactly_fifty_reservations() {
    let servers = Servers::open().await;
    let (instances, product) = ([servers.instance(), servers.instance()], new_product());
    instances[0].supply(product, 50).await;
    let answers = crowd(&instances, 200, &[(product, 1)]).await;
    assert_eq!(answers, expected(&[(200, "", 50), (409, "SOLD_OUT", 150)]));
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held, books.sold), (0, 50, 0));
    assert_eq!(instances[1].detail_stock(product).await.ok()["stock"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quantities_and_several_lines_are_exact_too() {
    let servers = Servers::open().await;
    let (instances, a, b) = (
        [servers.instance(), servers.instance()],
        new_product(),
        new_product(),
    );
    instances[0].supply(a, 50).await;
    instances[0].supply(b, 20).await;
    // Both directions at once: nobody may deadlock, and a refused line gives the other back.
    let mut tasks = JoinSet::new();
    for buyer in 0..60 {
        let app = instances[buyer % 2].clone();
        let lines = if buyer % 3 == 0 {
            vec![(b, 1), (a, 2)]
        } else {
            vec![(a, 2), (b, 1)]
        };
        tasks.spawn(async move { app.reserve(Uuid::now_v7(), &lines).await });
    }
    let answers = tally(tasks.join_all().await);
    let sold = answers.get(&(200, String::new())).copied().unwrap_or(0);
    assert_eq!(
        answers
            .keys()
            .filter(|(status, _)| !matches!(status, 200 | 409))
            .count(),
        0,
        "{answers:?}"
    );
    let (books_a, books_b) = (servers.audit(a).await, servers.audit(b).await);
    assert_eq!((books_a.held, books_b.held), (2 * sold as i64, sold as i64));
    // A refused buyer holds a piece for a moment, so another may be refused beside it; whoever comes after sells the rest.
    while instances[0]
        .reserve(Uuid::now_v7(), &[(a, 2), (b, 1)])
        .await
        .status
        == 200
    {}
    let (books_a, books_b) = (servers.audit(a).await, servers.audit(b).await);
    assert_eq!((books_a.available, books_b.available), (10, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_shares_transactions() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 1000).await;
    let answers = crowd(std::slice::from_ref(&app), 500, &[(product, 1)]).await;
    assert_eq!(answers, expected(&[(200, "", 500)]));
    let movements = servers.db.read("movements", move |conn| {
        Box::pin(async move {
            let (count,): (i64,) = sqlx::query_as(
                "SELECT COUNT(*) FROM stock_movement WHERE product_id = ? AND kind = 'HOLD'",
            )
            .bind(product)
            .fetch_one(conn)
            .await?;
            Ok(count)
        })
    });
    let batches = movements
        .await
        .map_err(|error: mall_db::TxError<()>| error.to_string())
        .unwrap();
    assert!(
        batches < 250,
        "500 requests at once took {batches} transactions"
    );
    assert_eq!(servers.audit(product).await.held, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_id_from_twenty_callers_takes_once() {
    let servers = Servers::open().await;
    let (instances, product, id) = (
        [servers.instance(), servers.instance()],
        new_product(),
        Uuid::now_v7(),
    );
    instances[0].supply(product, 50).await;
    let mut tasks = JoinSet::new();
    for caller in 0..20 {
        let app = instances[caller % 2].clone();
        tasks.spawn(async move { app.reserve(id, &[(product, 3)]).await });
    }
    assert_eq!(tally(tasks.join_all().await), expected(&[(200, "", 20)]));
    assert_eq!(servers.audit(product).await.held, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_releases_give_back_once() {
    let servers = Servers::open().await;
    let (instances, product, id) = (
        [servers.instance(), servers.instance()],
        new_product(),
        Uuid::now_v7(),
    );
    instances[0].supply(product, 10).await;
    instances[0].reserve(id, &[(product, 4)]).await.ok();
    let mut tasks = JoinSet::new();
    for caller in 0..20 {
        let app = instances[caller % 2].clone();
        tasks.spawn(async move { app.release(id).await.ok()["released"] == true });
    }
    let first = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|released| *released)
        .count();
    assert_eq!(first, 1, "exactly one of them gave back");
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held), (10, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reserve_against_release_ends_whole() {
    let servers = Servers::open().await;
    let (instances, product) = ([servers.instance(), servers.instance()], new_product());
    instances[0].supply(product, 30).await;
    let mut tasks = JoinSet::new();
    for number in 0..60 {
        let (id, buyer, seller) = (
            Uuid::now_v7(),
            instances[number % 2].clone(),
            instances[(number + 1) % 2].clone(),
        );
        tasks.spawn(async move {
            let lines = [(product, 1)];
            let (reserved, released) = tokio::join!(buyer.reserve(id, &lines), seller.release(id));
            (reserved.status.as_u16(), released.ok()["released"] == true)
        });
    }
    for (status, released) in tasks.join_all().await {
        // Taken and given back, or closed before it took anything.
        assert!(
            matches!((status, released), (200, true) | (409, false)),
            "{status} {released}"
        );
    }
    // Whoever came first: every id is spent, so nothing is held.
    let books = servers.audit(product).await;
    assert_eq!((books.available, books.held), (30, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_survives_flushall() {
    let servers = Servers::with_own_redis().await;
    let (instances, product) = ([servers.instance(), servers.instance()], new_product());
    instances[0].supply(product, 50).await;
    let mut tasks = JoinSet::new();
    for buyer in 0..300 {
        let app = instances[buyer % 2].clone();
        tasks.spawn(async move {
            tokio::time::sleep(Duration::from_millis(buyer as u64 / 4)).await;
            app.reserve(Uuid::now_v7(), &[(product, 1)]).await
        });
    }
    for _ in 0..5 {
        let _: () = redis::cmd("FLUSHALL")
            .query_async(&mut servers.redis())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let answers = tally(tasks.join_all().await);
    let sold = answers.get(&(200, String::new())).copied().unwrap_or(0);
    assert!(sold <= 50, "oversold: {answers:?}");
    assert_eq!(
        answers
            .keys()
            .filter(|(status, _)| !matches!(status, 200 | 409 | 503))
            .count(),
        0,
        "{answers:?}"
    );
    let books = servers.audit(product).await;
    assert_eq!(
        books.held, sold as i64,
        "what was answered 200 is there, and nothing else"
    );
    // The sale goes on: whatever is left is sold.
    let rest = crowd(&instances, 60, &[(product, 1)]).await;
    assert_eq!(
        rest.get(&(200, String::new())).copied().unwrap_or(0),
        50 - sold
    );
    assert_eq!(servers.audit(product).await.held, 50);
}
