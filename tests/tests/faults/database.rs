//! MariaDB dies, or the way to it fails at the worst moment.

use std::time::Duration;

use mall_testkit::Weather;

use super::sale::Sale;
use super::world::{STOCKS, World, run};

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
                world.end_connections("mall_stock").await;
                sale.reaches(sale.orders() + 3, "after connections were ended")
                    .await;
            }
        })
        .await;
    });
}

/// The most connections of one instance of stock.
const POOL: usize = 16;

/// The gateway waits so long for the beginning of an answer, and the answer is on its way a second later.
const TOLD_WITHIN: Duration = Duration::from_secs(16);

/// Calls of stock by orders that change something, and how often stock was asked for that.
async fn tries(world: &World) -> (f64, f64) {
    let (mut calls, mut tries) = (0.0, 0.0);
    for orders in ["orders", "orders-2"] {
        let name = "mall_client_requests_seconds_count";
        let to_stock = ["service=\"application-stock\"", "method=\"POST\""];
        calls += world.metric(orders, name, &to_stock).await;
        // Nothing was sent.
        let held_back = [to_stock[0], to_stock[1], "outcome=\"NOT_PERMITTED\""];
        calls -= world.metric(orders, name, &held_back).await;
    }
    for stock in STOCKS {
        let name = "http_server_requests_seconds_count";
        let asked = ["uri=\"/internal/stock/reservations", "method=\"POST\""];
        tries += world.metric(stock, name, &asked).await;
    }
    (calls, tries)
}

/// Everything waits, nothing is refused: everybody is told in time that it may have happened, nothing piles up, and nobody asks for more than was asked of
/// him.
#[test]
fn the_database_is_frozen() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            let (calls, asked) = tries(&world).await;
            // What was to be committed at this moment waits as long as the fault lasts, or half a minute.
            sale.outlasts_the_gateway();
            world.shop.mall.pause("mysql").await;
            sale.is_felt().await;
            // The fault lasts so long.
            tokio::time::sleep(Duration::from_secs(8)).await;
            let open = world.network.open();
            world.shop.mall.resume("mysql").await;
            assert!(open <= 2 * POOL, "{open} connections to a frozen database");
            sale.reaches(sale.orders() + 12, "after the thaw").await;
            let (calls, asked) = {
                let after = tries(&world).await;
                (after.0 - calls, after.1 - asked)
            };
            // What is retried is a fifth of the calls, and ten and one a second for each of the two who ask.
            let budget = 1.2 * calls + 2.0 * (10.0 + 20.0);
            assert!(
                asked <= budget,
                "stock was asked {asked} times, for {calls} calls"
            );
            assert!(sale.slowest() <= TOLD_WITHIN, "{:?}", sale.slowest());
        })
        .await;
    });
}

/// The server takes fewer connections than the pools would like, and ends those that it has.
#[test]
fn the_database_takes_few_connections_and_ends_them() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            let before = turned_away(&world).await;
            world.sql("SET GLOBAL max_connections = 20").await;
            for _ in 0..10 {
                world.end_connections("mall_%").await;
                sale.reaches(sale.orders() + 3, "with few connections")
                    .await;
            }
            assert!(turned_away(&world).await > before, "20 were enough");
            world.restore().await;
            assert!(sale.slowest() <= TOLD_WITHIN, "{:?}", sale.slowest());
        })
        .await;
    });
}

/// How many connections the server did not take because it had too many.
async fn turned_away(world: &World) -> i64 {
    let (_, count): (String, String) =
        sqlx::query_as("SHOW GLOBAL STATUS LIKE 'Connection_errors_max_connections'")
            .fetch_one(&world.mysql)
            .await
            .unwrap();
    count.parse().unwrap()
}
