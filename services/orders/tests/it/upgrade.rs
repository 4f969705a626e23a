//! A schema of an earlier release is brought up to date, and nothing of what that release had begun is lost.

use std::time::Duration;

use mall_orders::MIGRATIONS;
use mall_stock_api::{Reserve, ReserveLine, StockApi};
use mall_testkit::eventually;
use mall_types::{ProductId, UserId};
use sqlx::{Connection, MySqlConnection};

use crate::support::{ALICE, MUG, World};

/// The last version with `order_intent`.
const INTENTS: usize = 4;

const DIED: &str = "11111111-2222-3333-4444-555555555555";
const NEVER_RESERVED: &str = "22222222-2222-3333-4444-555555555555";
const ORDERED: &str = "33333333-2222-3333-4444-555555555555";

async fn reserve(world: &World, id: &str) {
    let line = ReserveLine {
        product_id: ProductId(MUG),
        quantity: 2,
    };
    let reserve = Reserve {
        reservation_id: id.into(),
        buyer: UserId(ALICE),
        lines: vec![line],
    };
    world.stock.reserve(&reserve).await.unwrap();
}

fn intent(id: &str) -> String {
    format!("INSERT INTO order_intent VALUES ('{id}', {ALICE}, NOW())")
}

fn order(id: &str) -> String {
    format!(
        "INSERT INTO orders (user_id, status, order_date, status_since, reservation_id, total) \
         VALUES ({ALICE}, 7, NOW(), NOW(), '{id}', 10000)"
    )
}

/// The schema's tables, and the reservations that are fenced.
async fn left(world: &World) -> (i64, i64) {
    let tables = "SELECT COUNT(*) FROM information_schema.tables \
                  WHERE table_schema = DATABASE() AND table_name LIKE 'order_intent%'";
    let fences = "SELECT COUNT(*) FROM reservation_fence";
    (world.count(tables).await, world.count(fences).await)
}

#[tokio::test]
async fn unfinished_intents_of_an_earlier_release_are_given_back() {
    let world = World::at_version(INTENTS, 0).await;
    for id in [DIED, ORDERED] {
        reserve(&world, id).await;
    }
    for id in [DIED, NEVER_RESERVED, ORDERED] {
        world.execute(intent(id)).await;
    }
    // No release leaves both; it must not cost the order its pieces either.
    world.execute(order(ORDERED)).await;
    assert_eq!(world.stock.pieces(MUG), (6, 4, 0));

    world.db.migrate(MIGRATIONS).await.unwrap();
    assert_eq!(left(&world).await, (0, 2), "no table, two fences");
    // The test's clock is behind the database's.
    world.pass(100 * 365 * 24 * 3600);
    world.quiet().await;
    assert_eq!(world.stock.pieces(MUG), (8, 2, 0));
    world.stock.assert_released_once();
}

/// A process of a release that wrote intents is about to commit its order, which takes its intent away.
#[tokio::test]
async fn an_order_that_is_being_written_keeps_its_reservation() {
    for commits in [true, false] {
        let world = World::at_version(INTENTS, 0).await;
        reserve(&world, DIED).await;
        world.execute(intent(DIED)).await;
        let mut other = MySqlConnection::connect(world.url()).await.unwrap();
        let mut writing = other.begin().await.unwrap();
        for statement in ["DELETE FROM order_intent".to_owned(), order(DIED)] {
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .execute(&mut *writing)
                .await
                .unwrap();
        }
        let migration = world.db.migrate(MIGRATIONS);
        let (migrated, ()) = tokio::join!(migration, async {
            until_the_migration_waits(&world).await;
            if commits {
                writing.commit().await.unwrap();
            } else {
                writing.rollback().await.unwrap();
            }
        });
        migrated.unwrap();
        world.pass(100 * 365 * 24 * 3600);
        world.quiet().await;
        let (pieces, fences) = match commits {
            true => ((8, 2, 0), 0),
            false => ((10, 0, 0), 1),
        };
        assert_eq!(world.stock.pieces(MUG), pieces, "committed: {commits}");
        assert_eq!(left(&world).await, (0, fences), "committed: {commits}");
    }
}

async fn until_the_migration_waits(world: &World) {
    let waiting = "SELECT COUNT(*) FROM information_schema.processlist \
                   WHERE db = DATABASE() AND state = 'Waiting for table metadata lock'";
    eventually(Duration::from_secs(20), || async {
        match world.count(waiting).await {
            0 => Err("the migration does not wait"),
            _ => Ok(()),
        }
    })
    .await;
}
