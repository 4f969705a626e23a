//! An instance of stock dies or freezes.

use std::time::Duration;

use mall_testkit::Weather;
use reqwest::Method;
use serde_json::json;

use super::sale::Sale;
use super::world::{World, run};

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

/// A change of supply that an admin wants has the product's row, and its instance freezes before the next word to MySQL.
#[test]
fn an_instance_of_stock_is_frozen_in_the_middle_of_a_transaction() {
    run(async |world| {
        const MORE: i64 = 7;
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            let before = world.network.hits();
            // What the change says next, and nobody else says at all.
            world.network.set(Weather::Hold(b"CHANGE"));
            let has_the_row =
                sale.until("the change has the row", || world.network.hits() > before);
            let freezes = async {
                has_the_row.await;
                world.shop.mall.pause("stock-2").await;
                sale.reaches(sale.orders() + 20, "beside a frozen transaction")
                    .await;
                world.shop.mall.resume("stock-2").await;
                world.network.set(Weather::Fine);
            };
            let change = async {
                // Told 503, it may have been made: the same again.
                while change_supply(&world, sale.product, MORE).await == 503 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            };
            tokio::join!(freezes, change);
            sale.supplied(MORE);
        })
        .await;
    });
}

/// As products asks stock for it, through the second instance; the status.
async fn change_supply(world: &World, product: i64, by: i64) -> u16 {
    let said = world.mint.call("application-product", "application-stock");
    let headers = [
        ("x-mall-service", said.as_str()),
        ("content-type", "application/json"),
    ];
    let body = json!({"adjustmentId": format!("frozen-{product}"), "change": by}).to_string();
    let path = format!("/internal/stock/items/{product}/adjust");
    let url = world.shop.mall.url("stock-2");
    let reply = world
        .shop
        .send_to(&url, Method::POST, &path, &headers, Some(body))
        .await;
    assert!(matches!(reply.status.as_u16(), 200 | 503), "{}", reply.text);
    reply.status.as_u16()
}

/// By more than tokens may be old, and by a little. Who is wrong by much believes nobody, and harms nobody.
#[test]
fn the_clock_of_an_instance_of_stock_jumps() {
    run(async |world| {
        let sale = Sale::of(&world, 5_000).await;
        sale.survives(async |sale| {
            let labels = ["uri=\"/internal/stock/reservations\"", "status=\"401\""];
            let refused = || world.metric("stock-2", "http_server_requests_seconds_count", &labels);
            for seconds in [3_600, 4, -3_600, -4, 3_600] {
                world.set_clock("stock-2", seconds);
                let before = refused().await;
                sale.reaches(sale.orders() + 15, "beside a clock that is wrong")
                    .await;
                if seconds.abs() >= 3_600 {
                    assert!(refused().await > before, "{seconds} s: it believes a token");
                }
            }
            world.set_clock("stock-2", 0);
        })
        .await;
    });
}
