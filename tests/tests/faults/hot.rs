//! Redis dies, forgets, or comes back with what was true a while ago.

use std::time::Duration;

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
