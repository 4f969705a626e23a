//! A reservation moves once, however many want it to at the same moment.
//!
//! Whoever confirms or releases reads the state first, and would be stopped there. These tests let everybody read before anybody
//! writes, so that what stops the second is the guard in the statement (`AND state = ..` in `store/bookings.rs`) and nothing else:
//! others have enough pieces on the shelf's books for every one of them to be booked out.

use std::collections::BTreeMap;

use mall_testkit::eventually;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{SOON, Servers, new_product};

/// Pieces of the reservation that everybody wants to move.
const PIECES: i64 = 3;
/// How many want to release it, and how many to confirm it.
const EACH: usize = 6;
/// Pieces of other buyers, of each state: more than all of them together could move by mistake.
const OTHERS: i64 = 40;

/// The row of one reservation, locked: who wants to change it waits, who reads it does not.
struct Locked(MySqlConnection);

impl Locked {
    async fn reservation(servers: &Servers, id: Uuid) -> Locked {
        let mut connection = MySqlConnection::connect(&servers.schema.url).await.unwrap();
        sqlx::raw_sql("START TRANSACTION")
            .execute(&mut connection)
            .await
            .unwrap();
        let (found,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM reservation WHERE reservation_id = ? FOR UPDATE")
                .bind(id)
                .fetch_one(&mut connection)
                .await
                .unwrap();
        assert_eq!(found, 1);
        Locked(connection)
    }

    async fn open(mut self) {
        sqlx::raw_sql("ROLLBACK")
            .execute(&mut self.0)
            .await
            .unwrap();
        self.0.close().await.unwrap();
    }
}

/// Waits until so many have read and stand before their first change.
async fn until_waiting(servers: &Servers, wanted: usize) {
    let mut watch = MySqlConnection::connect(&servers.schema.url).await.unwrap();
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = '{}' AND INFO LIKE 'UPDATE reservation SET state%'",
        servers.schema.name
    );
    let watch = tokio::sync::Mutex::new(&mut watch);
    eventually(SOON, || async {
        // MySQL fails to show a statement of somebody else in which an id is no text: looking again helps.
        let looked = sqlx::query_as(AssertSqlSafe(sql.clone()))
            .fetch_one(&mut **watch.lock().await)
            .await;
        let (waiting,): (i64,) = looked.map_err(|error| error.to_string())?;
        if waiting == wanted as i64 {
            Ok(())
        } else {
            Err(format!("{waiting} of {wanted} wait"))
        }
    })
    .await;
}

/// Twelve at two instances, who all have seen the reservation as it was. How often each was told what.
async fn all_at_once(sold: bool) -> (BTreeMap<String, usize>, Servers, i64) {
    let servers = Servers::open().await;
    let (instances, product) = ([servers.instance(), servers.instance()], new_product());
    let (id, held, paid) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    instances[0].supply(product, 2 * OTHERS + 10).await;
    for other in [held, paid] {
        let lines = [(product, OTHERS)];
        instances[0].reserve(other, &lines).await.ok();
    }
    instances[0].confirm(paid).await.ok();
    instances[0].reserve(id, &[(product, PIECES)]).await.ok();
    if sold {
        instances[0].confirm(id).await.ok();
    }
    let locked = Locked::reservation(&servers, id).await;
    let mut tasks = JoinSet::new();
    for caller in 0..EACH {
        let (a, b) = (
            instances[caller % 2].clone(),
            instances[(caller + 1) % 2].clone(),
        );
        tasks.spawn(async move {
            let told = a.release(id).await.ok()["released"].to_string();
            format!("released: {told}")
        });
        if !sold {
            tasks.spawn(async move { format!("confirm: {}", b.confirm(id).await.status.as_u16()) });
        }
    }
    until_waiting(&servers, if sold { EACH } else { 2 * EACH }).await;
    locked.open().await;
    let mut told = BTreeMap::new();
    while let Some(answer) = tasks.join_next().await {
        *told.entry(answer.unwrap()).or_default() += 1;
    }
    // Once more, one after the other: nothing is left to be moved.
    assert_eq!(instances[1].release(id).await.ok()["released"], false);
    assert_eq!(
        instances[1].confirm(id).await.problem(),
        (409, "RESERVATION_CLOSED")
    );
    (told, servers, product)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_everybody_saw_coming_gives_back_once() {
    let (told, servers, product) = all_at_once(true).await;
    let of = |answer: &str| told.get(answer).copied().unwrap_or(0);
    assert_eq!(
        (of("released: true"), of("released: false")),
        (1, EACH - 1),
        "{told:?}"
    );
    let books = servers.audit(product).await;
    assert_eq!(
        (books.held, books.sold, books.available),
        (OTHERS, OTHERS, 10)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_and_confirmations_at_the_same_moment_move_the_pieces_once() {
    let (told, servers, product) = all_at_once(false).await;
    let of = |answer: &str| told.get(answer).copied().unwrap_or(0);
    // Held, then sold or not, then back: each step once, whoever took it.
    assert_eq!(
        (of("released: true"), of("released: false")),
        (1, EACH - 1),
        "{told:?}"
    );
    assert_eq!(of("confirm: 200") + of("confirm: 409"), EACH, "{told:?}");
    let books = servers.audit(product).await;
    assert_eq!(
        (books.held, books.sold, books.available),
        (OTHERS, OTHERS, 10)
    );
}
