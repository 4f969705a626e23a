//! What the guards are good for: the same story with one of them taken out of the database goes wrong. Those that stand in the code
//! are taken out by `tests/guards.sh`, which shows the tests that then fail.

use mall_types::ProductId;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::support::{Servers, new_product};

async fn execute(servers: &Servers, sql: &'static str) {
    let done = servers.db.run_tx("execute", move |tx| {
        Box::pin(async move {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(tx).await?;
            Ok(())
        })
    });
    done.await
        .map_err(|error: mall_db::TxError<()>| error.to_string())
        .unwrap();
}

/// Pieces that are held after a request, Redis losing all of it, and the same request again.
async fn held_after_a_repetition(servers: &Servers) -> i64 {
    let (app, product, id) = (servers.instance(), new_product(), Uuid::now_v7());
    app.supply(product, 10).await;
    app.reserve(id, &[(product, 2)]).await.ok();
    let mut redis = servers.redis();
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg(format!("{{LOCK:{product}}}*"))
        .query_async(&mut redis)
        .await
        .unwrap();
    let _: () = redis::cmd("DEL")
        .arg(keys)
        .query_async(&mut redis)
        .await
        .unwrap();
    app.reserve(id, &[(product, 2)]).await.ok();
    servers.books(product).await.held
}

#[tokio::test]
async fn without_the_unique_key_a_repeated_request_takes_twice() {
    let servers = Servers::open().await;
    assert_eq!(held_after_a_repetition(&servers).await, 2);
    execute(
        &servers,
        "ALTER TABLE reservation DROP PRIMARY KEY, ADD INDEX (reservation_id)",
    )
    .await;
    assert_eq!(held_after_a_repetition(&servers).await, 4);
}

/// A Redis that shows more than there is, again and again.
#[tokio::test]
async fn what_mysql_has_is_what_is_sold_whatever_redis_shows() {
    let servers = Servers::open().await;
    let (app, product) = (servers.instance(), new_product());
    app.supply(product, 1).await;
    let too_many = |servers: &Servers| {
        let mut redis = servers.redis();
        async move {
            let _: () = redis::cmd("SET")
                .arg(format!("{{LOCK:{product}}}:available"))
                .arg(100)
                .query_async(&mut redis)
                .await
                .unwrap();
        }
    };
    too_many(&servers).await;
    app.reserve(Uuid::now_v7(), &[(product, 1)]).await.ok();
    too_many(&servers).await;
    let reply = app.reserve(Uuid::now_v7(), &[(product, 1)]).await;
    assert_eq!(reply.problem(), (409, "SOLD_OUT"));
    // The check of the table is the last word, also for a statement without a guard.
    let update = servers.db.run_tx("unguarded", move |tx| {
        Box::pin(async move {
            sqlx::query("UPDATE stock_item SET available = available - 1, held = held + 1 WHERE product_id = ?")
                .bind(product)
                .execute(tx)
                .await?;
            Ok(())
        })
    });
    let error = update.await.map_err(|error: mall_db::TxError<()>| error);
    let Err(mall_db::TxError::Db(error)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(
        mall_db::constraint(&error).as_deref(),
        Some("ck_stock_available")
    );
    app.stock.rebuild(ProductId(product)).await.unwrap();
    assert_eq!(servers.audit(product).await.held, 1);
}
