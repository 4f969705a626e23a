//! An instance of stock dies or freezes.

use std::time::Duration;

use super::sale::Sale;
use super::world::run;

#[test]
fn an_instance_of_stock_is_killed() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            world.shop.mall.kill("stock-2").await;
            // The other one goes on alone.
            sale.reaches(sale.orders() + 20, "with one instance").await;
            world.shop.mall.restart("stock-2").await.unwrap();
        })
        .await;
    });
}

#[test]
fn instances_of_stock_are_killed_in_turn() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            for instance in ["stock", "stock-2", "stock"] {
                world.shop.mall.kill(instance).await;
                sale.reaches(sale.orders() + 5, "with one instance").await;
                world.shop.mall.restart(instance).await.unwrap();
                world.shop.mall.wait_healthy().await.unwrap();
            }
        })
        .await;
    });
}

#[test]
fn an_instance_of_stock_is_frozen_past_its_lease() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            for _ in 0..2 {
                world.shop.mall.pause("stock-2").await;
                // Longer than the lease of a second; whoever has the lock now is not the frozen one.
                tokio::time::sleep(Duration::from_millis(2_000)).await;
                sale.reaches(sale.orders() + 5, "beside a frozen instance")
                    .await;
                world.shop.mall.resume("stock-2").await;
            }
        })
        .await;
    });
}
