//! A client that stops in the middle of a transaction, as one that is frozen does.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use mall_db::{Db, TxError};
use mall_testkit::fresh_schema;
use tokio::sync::Notify;

type Failed = TxError<Infallible>;

async fn set(db: &Db, value: i64) -> Result<(), Failed> {
    db.run_tx("set", move |tx| {
        Box::pin(async move {
            sqlx::query("UPDATE t SET v = ? WHERE id = 1")
                .bind(value)
                .execute(tx)
                .await?;
            Ok(())
        })
    })
    .await
}

#[tokio::test]
async fn a_transaction_of_a_client_that_stopped_gives_its_locks_back() {
    let schema = fresh_schema("db").await;
    let db = Db::connect_url(&schema.url, 2).unwrap();
    if !db.version().await.unwrap().contains("MariaDB") {
        return;
    }
    let made: Result<(), Failed> = db
        .run_tx("make", |tx| {
            Box::pin(async move {
                sqlx::raw_sql(
                    "CREATE TABLE t (id INT PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0)",
                )
                .execute(tx)
                .await?;
                Ok(())
            })
        })
        .await;
    made.unwrap();

    let (locked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let frozen = tokio::spawn({
        let (db, locked, go_on) = (db.clone(), locked.clone(), go_on.clone());
        async move {
            db.run_tx("frozen", move |tx| {
                let (locked, go_on) = (locked.clone(), go_on.clone());
                Box::pin(async move {
                    sqlx::query("UPDATE t SET v = 1 WHERE id = 1 AND v = 0")
                        .execute(tx)
                        .await?;
                    locked.notify_one();
                    go_on.notified().await;
                    Ok::<_, Failed>(())
                })
            })
            .await
        }
    });
    locked.notified().await;
    // It has the row and says nothing more; the next one waits for the row, and gets it.
    set(&db, 2).await.unwrap();
    go_on.notify_one();
    let woken = tokio::time::timeout(Duration::from_secs(20), frozen);
    assert!(
        woken.await.unwrap().unwrap().is_err(),
        "its session was ended: nothing of it may be told as done"
    );
    let value: Result<i32, Failed> = db
        .read("value", |conn| {
            Box::pin(async move {
                Ok(sqlx::query_scalar("SELECT v FROM t WHERE id = 1")
                    .fetch_one(conn)
                    .await?)
            })
        })
        .await;
    assert_eq!(value.unwrap(), 2);
}
