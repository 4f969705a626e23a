//! An audit that finds nothing is worth something only if it finds what is there.

use std::time::Duration;

use mall_testkit::eventually;
use reqwest::Method;
use serde_json::json;

use super::world::{World, run};

#[test]
fn the_audit_finds_what_is_wrong() {
    run(async |world| {
        let mug = world.shop.mug(&world.admin, 5).await;
        let buyer = world.mint.person(world.newcomer());
        let order = world.shop.ordered(&buyer, mug, 1).await;
        world.audited().await.unwrap();
        let id = "UNHEX('00000000000000000000000000000001')";
        let ghost = format!(
            "INSERT INTO mall_stock.reservation (reservation_id, state, buyer, product_id, quantity, created_at, updated_at) \
             VALUES ({id}, 'HELD', 1, {mug}, 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))"
        );
        let ghost_gone = format!("DELETE FROM mall_stock.reservation WHERE reservation_id = {id}");
        let moved = |by: i64| {
            format!(
                "UPDATE mall_stock.stock_movement SET available = available - {by}, held = held + {by} \
                 WHERE product_id = {mug} ORDER BY id LIMIT 1"
            )
        };
        let status = |status: i64| {
            format!("UPDATE mall_orders.orders SET status = {status} WHERE id = {order}")
        };
        for (wrong, right, law) in [
            (ghost, ghost_gone, "a reservation has an order"),
            (moved(1), moved(-1), "the ledger adds up"),
            (status(0), status(7), "a paid order was paid"),
            (status(2), status(7), "an order's reservation stands"),
        ] {
            finds(&world, wrong, right, law).await;
        }
        world.audited().await.unwrap();
    });
}

#[test]
fn the_audit_finds_who_has_more_than_the_limit() {
    run(async |world| {
        let product = json!({
            "name": "Drop", "price": 100, "stock": 10, "isLimitedEdition": true, "purchaseLimit": 2,
            "openDateTime": "2020-01-01T00:00:00Z",
        });
        let product = world.shop.add_product(&world.admin, product).await;
        let buyer = world.mint.person(world.newcomer());
        world.shop.ordered(&buyer, product, 2).await;
        world.audited().await.unwrap();
        let limit = |limit: i64| {
            format!(
                "UPDATE mall_stock.stock_item SET purchase_limit = {limit} WHERE product_id = {product}"
            )
        };
        let allowance = |taken: i64| {
            format!("UPDATE mall_stock.allowance SET taken = {taken} WHERE product_id = {product}")
        };
        let counted = |counted: i64| {
            format!(
                "UPDATE mall_stock.reservation SET counted = {counted} WHERE product_id = {product}"
            )
        };
        for (wrong, right, law) in [
            (limit(1), limit(2), "nobody holds more than the limit"),
            (allowance(1), allowance(2), "an allowance is what"),
            (allowance(3), allowance(2), "an allowance is what"),
            (counted(0), counted(1), "nothing is taken past the limit"),
        ] {
            finds(&world, wrong, right, law).await;
        }
        // What an admin may do: who has two keeps them.
        let path = format!("/product/admin/edit/{product}");
        world
            .shop
            .ask(
                Some(&world.admin),
                Method::PUT,
                &path,
                Some(json!({"purchaseLimit": 1})),
            )
            .await
            .expect(200);
        let lowered = || async {
            let limit: Option<i64> = sqlx::query_scalar(
                "SELECT purchase_limit FROM mall_stock.stock_item WHERE product_id = ?",
            )
            .bind(product)
            .fetch_one(&world.mysql)
            .await
            .unwrap();
            if limit == Some(1) {
                Ok(())
            } else {
                Err(format!("{limit:?}"))
            }
        };
        eventually(Duration::from_secs(10), lowered).await;
        world.audited().await.unwrap();
    });
}

/// The audit finds what contradicts a law, and that it was put right.
async fn finds(world: &World, wrong: String, right: String, law: &str) {
    for (statement, finds) in [(wrong, true), (right, false)] {
        world.sql(&statement).await;
        let (mysql, redis) = (world.shop.mall.mysql_url(), world.shop.mall.redis_url());
        let report = mall_audit::run_with(&mysql, &redis, Duration::ZERO)
            .await
            .unwrap();
        let found = report.broken.iter().any(|line| line.starts_with(law));
        assert_eq!(found, finds, "{law}: {report}");
    }
}
