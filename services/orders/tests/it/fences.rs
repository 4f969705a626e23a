//! Reservations without an order: either the order comes to be, or it never does, and both sides know which.

use std::time::Duration;

use http::Method;
use mall_auth::PeerService;
use mall_stock_api::StockApi;
use mall_testkit::eventually;
use serde_json::{Value, json};
use sqlx::{Connection, MySqlConnection};

use crate::fakes::Fault;
use crate::support::{ALICE, Answered, MUG, World};

const PATH: &str = "/internal/orders/reservations";
const SOON: Duration = Duration::from_secs(10);

async fn judge(world: &World, ids: &[&str]) -> Value {
    let answer = world.peer(PATH, json!({"reservationIds": ids})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// The reservation that is held.
fn held(world: &World) -> String {
    let shelf = world.stock.shelf.lock().unwrap();
    shelf.reservations.keys().next().unwrap().clone()
}

/// Somebody else's connection.
async fn session(world: &World) -> MySqlConnection {
    MySqlConnection::connect(world.url()).await.unwrap()
}

/// Until a statement of this test's schema waits for a row.
async fn until_somebody_waits(world: &World) {
    // Of milliseconds MariaDB alone tells.
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist \
                   WHERE db = DATABASE() AND command IN ('Execute', 'Query') AND id <> CONNECTION_ID() \
                   AND (time > 1 /*M! OR time_ms > 50 */)";
    eventually(SOON, || async {
        match world.count(waiting).await {
            0 => Err("nobody waits"),
            _ => Ok(()),
        }
    })
    .await;
}

#[tokio::test]
async fn an_order_that_comes_after_its_reservation_was_fenced_fails() {
    let world = World::new().await;
    world.stock.line.faults(&[Fault::HoldAnswer]);
    let (answer, ()) = tokio::join!(world.order(ALICE, MUG, 2), async {
        world.stock.line.until_held().await;
        let id = held(&world);
        for _ in 0..2 {
            assert_eq!(
                judge(&world, &[&id]).await,
                json!({"ordered": [], "fenced": [id]})
            );
        }
        // As stock does then.
        world.stock.release(&id).await.unwrap();
        world.stock.line.let_go();
    });
    assert_eq!(
        (answer.code(), answer.retry_after),
        ((503, "PLACING_TOOK_TOO_LONG"), true)
    );
    world.quiet().await;
    assert_eq!(world.orders().await, 0);
    assert_eq!(world.stock.pieces(MUG), (10, 0, 0));
    world.stock.assert_released_once();
}

#[tokio::test]
async fn a_fence_takes_only_its_own_order_out_of_those_that_are_written_together() {
    let world = World::new().await;
    let orders = (0..5).map(|buyer| world.order(100 + buyer, MUG, 1));
    world.stock.line.faults(&[Fault::HoldAnswer; 5]);
    let (answers, fenced) = tokio::join!(futures_util::future::join_all(orders), async {
        for _ in 0..5 {
            world.stock.line.until_held().await;
        }
        let id = held(&world);
        judge(&world, &[&id]).await;
        for _ in 0..5 {
            world.stock.line.let_go();
        }
        id
    });
    let placed = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(placed, 4, "{answers:?}");
    world.stock.release(&fenced).await.unwrap();
    assert_eq!(world.stock.pieces(MUG), (6, 4, 0));
}

#[tokio::test]
async fn what_has_its_order_is_not_fenced() {
    let world = World::new().await;
    world.placed().await;
    let (id, other) = (held(&world), "11111111-2222-3333-4444-555555555555");
    assert_eq!(
        judge(&world, &[&id, other]).await,
        json!({"ordered": [id], "fenced": [other]})
    );
    assert_eq!(
        world.count("SELECT COUNT(*) FROM reservation_fence").await,
        1
    );
    assert_eq!(
        judge(&world, &[]).await,
        json!({"ordered": [], "fenced": []})
    );
}

/// The order is written, not yet committed, when stock asks.
#[tokio::test]
async fn the_question_waits_for_an_order_that_is_being_written() {
    for commits in [true, false] {
        let world = World::new().await;
        let id = "11111111-2222-3333-4444-555555555555";
        let mut other = session(&world).await;
        let mut writing = other.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO orders (user_id, status, order_date, status_since, reservation_id, total) \
             VALUES (7, 7, NOW(), NOW(), ?, 1)",
        )
        .bind(id)
        .execute(&mut *writing)
        .await
        .unwrap();
        let ids = [id];
        let (verdict, ()) = tokio::join!(judge(&world, &ids), async {
            until_somebody_waits(&world).await;
            if commits {
                writing.commit().await.unwrap();
            } else {
                writing.rollback().await.unwrap();
            }
        });
        let expected = if commits {
            json!({"ordered": [id], "fenced": []})
        } else {
            json!({"ordered": [], "fenced": [id]})
        };
        assert_eq!(verdict, expected);
    }
}

/// The fence is written, not yet committed, when the order is.
#[tokio::test]
async fn an_order_waits_for_a_fence_that_is_being_written() {
    for commits in [true, false] {
        let world = World::new().await;
        let mut other = session(&world).await;
        world.stock.line.faults(&[Fault::HoldAnswer]);
        let (answer, ()) = tokio::join!(world.order(ALICE, MUG, 2), async {
            world.stock.line.until_held().await;
            let mut fencing = other.begin().await.unwrap();
            sqlx::query("INSERT INTO reservation_fence VALUES (?, NOW())")
                .bind(held(&world))
                .execute(&mut *fencing)
                .await
                .unwrap();
            world.stock.line.let_go();
            until_somebody_waits(&world).await;
            if commits {
                fencing.commit().await.unwrap();
            } else {
                fencing.rollback().await.unwrap();
            }
        });
        assert_eq!(answer.status, if commits { 503 } else { 200 }, "{answer:?}");
        assert_eq!(world.orders().await, i64::from(!commits));
    }
}

#[tokio::test]
async fn nonsense_and_strangers_are_refused() {
    let world = World::new().await;
    let many: Vec<String> = (0..1001)
        .map(|_| uuid::Uuid::now_v7().to_string())
        .collect();
    for ids in [
        json!(["x"]),
        json!(many),
        json!(["{11111111-2222-3333-4444-555555555555}"]),
    ] {
        let answer = world.peer(PATH, json!({"reservationIds": ids})).await;
        assert_eq!(answer.code(), (400, "INVALID_FIELDS"), "{answer:?}");
    }
    let body = json!({"reservationIds": []});
    assert_eq!(
        world
            .call(ALICE, Method::POST, PATH, Some(body))
            .await
            .status,
        401
    );
}

impl World {
    /// A call by another service.
    pub async fn peer(&self, path: &str, body: Value) -> Answered {
        let peer = PeerService("application-stock".into());
        self.extended(peer, Method::POST, path, body.to_string())
            .await
    }
}
