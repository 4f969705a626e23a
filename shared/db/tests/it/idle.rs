//! A client that stops in the middle of a transaction, as one that is frozen does.

use std::sync::Arc;
use std::time::Duration;

use mall_db::{Db, Ending, TxError};
use mall_testkit::fresh_schema;
use tokio::sync::Notify;

use crate::ending::{Failed, end};

/// Long before a unit of work gives up by itself, after 30 s.
const SOON: Duration = Duration::from_secs(15);

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
    let others = tokio::time::timeout(SOON, set(&db, 2));
    others.await.expect("the row soon").unwrap();
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

/// For how long the pool's connection may say nothing, and for how long in a transaction, as [`Db::run_tx`] begins it.
async fn patience(db: &Db) -> (bool, bool) {
    const OURS: &str = "SELECT @@SESSION.wait_timeout = @@GLOBAL.wait_timeout";
    let idle: Result<bool, Failed> = db
        .read("idle", |conn| {
            Box::pin(async move { Ok(sqlx::query_scalar(OURS).fetch_one(conn).await?) })
        })
        .await;
    let within: Result<bool, Failed> = db
        .run_tx("within", |tx| {
            Box::pin(async move { Ok(sqlx::query_scalar(OURS).fetch_one(tx).await?) })
        })
        .await;
    (idle.unwrap(), within.unwrap())
}

#[tokio::test]
async fn only_in_a_transaction_a_client_that_says_nothing_is_ended_soon() {
    let schema = fresh_schema("db").await;
    // One connection: whatever is left on it is seen.
    let db = Db::connect_url(&schema.url, 1).unwrap();
    end(&db, "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL)")
        .await
        .unwrap();
    assert_eq!(patience(&db).await, (true, false));
    let refused: Result<(), TxError<&str>> = db
        .run_tx("refused", |_| {
            Box::pin(async { Err(TxError::refuse("no")) })
        })
        .await;
    refused.unwrap_err();
    assert_eq!(patience(&db).await, (true, false), "after a refusal");
    let guard = "INSERT INTO t VALUES (1, NULL)";
    end(&db, guard).await.unwrap_err();
    assert_eq!(patience(&db).await, (true, false), "after a guard said no");
    end(&db, "INSERT INTO t VALUES (1, 0)").await.unwrap();
    assert_eq!(patience(&db).await, (true, false), "after an ending");
}

/// A guard has said no, and the client stops before it can take the transaction back.
#[tokio::test]
async fn what_a_refused_ending_has_locked_is_given_back_though_the_client_stops() {
    let schema = fresh_schema("db").await;
    let db = Db::connect_url(&schema.url, 2).unwrap();
    end(
        &db,
        "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO t VALUES (1, 0)",
    )
    .await
    .unwrap();
    let (locked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let frozen = tokio::spawn({
        let (db, locked, go_on) = (db.clone(), locked.clone(), go_on.clone());
        async move {
            db.run_ending("frozen", move |tx| {
                let (locked, go_on) = (locked.clone(), go_on.clone());
                Box::pin(async move {
                    // As the last message does it, in front of which nobody can stop.
                    let refused = sqlx::raw_sql(
                        "UPDATE t SET v = 1 WHERE id = 1; INSERT INTO t VALUES (2, NULL)",
                    );
                    refused.execute(tx).await.unwrap_err();
                    locked.notify_one();
                    go_on.notified().await;
                    Ok::<_, Failed>(Ending {
                        value: (),
                        statements: "DO 0".to_owned(),
                    })
                })
            })
            .await
        }
    });
    locked.notified().await;
    let others = tokio::time::timeout(SOON, set(&db, 2));
    others.await.expect("the row soon").unwrap();
    go_on.notify_one();
    let woken = tokio::time::timeout(Duration::from_secs(20), frozen);
    woken.await.unwrap().unwrap().unwrap_err();
}
