//! MariaDB dies, or the way to it fails at the worst moment.

use std::time::Duration;

use mall_testkit::Weather;

use super::sale::Sale;
use super::world::run;

#[test]
fn the_database_is_killed() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.shop.mall.kill("mysql").await;
            sale.is_felt().await;
            world.shop.mall.restart("mysql").await.unwrap();
        })
        .await;
    });
}

#[test]
fn connections_to_the_database_are_cut_while_busy() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            for _ in 0..10 {
                world.network.reset_now();
                sale.reaches(sale.orders() + 1, "after the cut").await;
            }
        })
        .await;
    });
}

/// Redis has given the pieces away, MySQL never hears of the commit.
#[test]
fn the_connection_breaks_between_apply_and_commit() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            let before = world.network.hits();
            world.network.set(Weather::ResetBefore(b"COMMIT"));
            sale.until("ten commits are cut off", || {
                world.network.hits() >= before + 10
            })
            .await;
            world.network.set(Weather::Fine);
        })
        .await;
    });
}

/// MySQL has committed, stock never hears of it.
#[test]
fn the_answer_to_the_commit_is_lost() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            let before = world.network.hits();
            world.network.set(Weather::LoseAnswerTo(b"COMMIT"));
            sale.until("ten answers are lost", || {
                world.network.hits() >= before + 10
            })
            .await;
            world.network.set(Weather::Fine);
        })
        .await;
    });
}

#[test]
fn the_database_accepts_and_never_answers() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.network.set(Weather::Silent);
            sale.is_felt().await;
            world.network.set(Weather::Fine);
        })
        .await;
    });
}

#[test]
fn the_way_to_the_database_is_slow_and_uneven() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.network.set(Weather::Slow {
                latency: Duration::from_millis(5),
                jitter: Duration::from_millis(20),
            });
            sale.reaches(sale.orders() + 20, "in slow weather").await;
            world.network.set(Weather::Fine);
        })
        .await;
    });
}

/// As an administrator does, or a fail-over: connections end in the middle of whatever they do.
#[test]
fn the_database_ends_connections() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            for _ in 0..10 {
                let connections: Vec<i64> = sqlx::query_scalar(
                    "SELECT CAST(ID AS SIGNED) FROM information_schema.PROCESSLIST WHERE DB = 'mall_stock'",
                )
                .fetch_all(&world.mysql)
                .await
                .unwrap();
                for connection in connections {
                    // It may have ended by itself.
                    let kill = sqlx::AssertSqlSafe(format!("KILL {connection}"));
                    let _ = sqlx::raw_sql(kill).execute(&world.mysql).await;
                }
                sale.reaches(sale.orders() + 3, "after connections were ended")
                    .await;
            }
        })
        .await;
    });
}

/// Everything waits, nothing is refused: as long as that, and everybody is told 503 in time.
#[test]
fn the_database_is_frozen() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.shop.mall.pause("mysql").await;
            sale.is_felt().await;
            world.shop.mall.resume("mysql").await;
        })
        .await;
    });
}
