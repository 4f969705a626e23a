//! An audit that finds nothing is worth something only if it finds what is there.

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::world::run;

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
            for (statement, finds) in [(wrong, true), (right, false)] {
                sqlx::raw_sql(AssertSqlSafe(statement))
                    .execute(&world.mysql)
                    .await
                    .unwrap();
                let (mysql, redis) = (world.shop.mall.mysql_url(), world.shop.mall.redis_url());
                let report = mall_audit::run_with(&mysql, &redis, Duration::ZERO)
                    .await
                    .unwrap();
                let found = report.broken.iter().any(|line| line.starts_with(law));
                assert_eq!(found, finds, "{law}: {report}");
            }
        }
        world.audited().await.unwrap();
    });
}
