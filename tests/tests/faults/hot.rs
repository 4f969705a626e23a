//! Redis dies, forgets, or comes back with what was true a while ago.

use std::time::Duration;

use mall_testkit::Weather;

use super::sale::Sale;
use super::world::run;

#[test]
fn redis_is_killed_and_comes_back_empty() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.shop.mall.kill("redis").await;
            sale.is_felt().await;
            world.shop.mall.restart("redis").await.unwrap();
        })
        .await;
    });
}

#[test]
fn redis_is_emptied_again_and_again() {
    run(async |world| {
        let sale = Sale::of(&world, 250).await;
        sale.sells_out(async |sale| {
            for _ in 0..5 {
                world.redis("FLUSHALL").await;
                let enough = (sale.orders() + 10).min(200);
                sale.reaches(enough, "after FLUSHALL").await;
            }
        })
        .await;
    });
}

/// A fail-over to a replica that was behind: Redis shows pieces that were sold long ago.
#[test]
fn redis_comes_back_as_it_was_before_the_sale() {
    run(async |world| {
        let sale = Sale::of(&world, 150).await;
        // Somebody looks, so that the count is in it.
        assert_eq!(world.shop.stock(sale.product).await, 150);
        world.redis("SAVE").await;
        sale.sells_out(async |sale| {
            sale.reaches(100, "before Redis falls back").await;
            world.shop.mall.kill("redis").await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.shop.mall.restart("redis").await.unwrap();
            std::fs::remove_file(world.snapshot()).unwrap();
        })
        .await;
    });
}

#[test]
fn connections_to_redis_are_cut_while_busy() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            for _ in 0..10 {
                world.to_redis.reset_now();
                sale.reaches(sale.orders() + 1, "after the cut").await;
            }
        })
        .await;
    });
}

/// The script never reaches Redis, and stock does not know that.
#[test]
fn a_script_is_cut_off_on_its_way_to_redis() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            let before = world.to_redis.hits();
            world.to_redis.set(Weather::ResetBefore(b"EVALSHA"));
            sale.until("ten scripts are cut off", || {
                world.to_redis.hits() >= before + 10
            })
            .await;
            world.to_redis.set(Weather::Fine);
        })
        .await;
    });
}

/// Redis has given the pieces away, stock never hears of it.
#[test]
fn the_answer_of_a_script_is_lost() {
    run(async |world| {
        let sale = Sale::of(&world, 300).await;
        sale.sells_out(async |sale| {
            let before = world.to_redis.hits();
            world.to_redis.set(Weather::LoseAnswerTo(b"EVALSHA"));
            sale.until("ten answers are lost", || {
                world.to_redis.hits() >= before + 10
            })
            .await;
            world.to_redis.set(Weather::Fine);
        })
        .await;
    });
}

#[test]
fn redis_accepts_and_never_answers() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.to_redis.set(Weather::Silent);
            sale.is_felt().await;
            world.to_redis.set(Weather::Fine);
        })
        .await;
    });
}

#[test]
fn the_way_to_redis_is_slow_and_uneven() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.to_redis.set(Weather::Slow {
                latency: Duration::from_millis(5),
                jitter: Duration::from_millis(20),
            });
            sale.reaches(sale.orders() + 20, "in slow weather").await;
            world.to_redis.set(Weather::Fine);
        })
        .await;
    });
}

/// For longer than any lease: the locks in it run out while it sleeps.
#[test]
fn redis_is_frozen_past_every_lease() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.shop.mall.pause("redis").await;
            sale.is_felt().await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            world.shop.mall.resume("redis").await;
        })
        .await;
    });
}
