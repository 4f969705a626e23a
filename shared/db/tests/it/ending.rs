//! What a transaction's last message locks is never left locked by a client that stops.

use std::convert::Infallible;

use mall_db::{Db, Ending, TxError, is_duplicate, is_null_refused};
use mall_testkit::fresh_schema;

pub type Failed = TxError<Infallible>;

pub async fn end(db: &Db, statements: &'static str) -> Result<i32, Failed> {
    db.run_ending("end", move |_| {
        Box::pin(async move {
            Ok(Ending {
                value: 7,
                statements: statements.to_owned(),
            })
        })
    })
    .await
}

pub async fn rows(db: &Db) -> Vec<(i32, i32)> {
    let rows: Result<_, Failed> = db
        .read("rows", |conn| {
            Box::pin(async move {
                Ok(sqlx::query_as("SELECT id, v FROM t ORDER BY id")
                    .fetch_all(conn)
                    .await?)
            })
        })
        .await;
    rows.unwrap()
}

/// The guard of the tests: the update before has found its row.
const FOUND: &str = "UPDATE t SET v = v - 5 WHERE id = 1 AND v >= 5; INSERT INTO t VALUES (IF(ROW_COUNT() = 1, 9, NULL), 0)";

#[tokio::test]
async fn the_last_message_is_committed_whole_or_not_at_all() {
    let schema = fresh_schema("db").await;
    // One connection: a transaction that stayed open on it would swallow what comes after. Another looks from outside.
    let db = Db::connect_url(&schema.url, 1).unwrap();
    let other = Db::connect_url(&schema.url, 1).unwrap();
    end(
        &db,
        "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO t VALUES (1, 7)",
    )
    .await
    .unwrap();

    assert_eq!(end(&db, FOUND).await.unwrap(), 7);
    assert_eq!(rows(&other).await, [(1, 2), (9, 0)]);

    let refused = end(&db, FOUND).await.unwrap_err();
    assert!(
        matches!(&refused, TxError::Db(error) if is_null_refused(error)),
        "{refused:?}"
    );
    let refused = end(
        &db,
        "UPDATE t SET v = 100 WHERE id = 1; INSERT INTO t VALUES (9, 1)",
    )
    .await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(&refused, TxError::Db(error) if is_duplicate(error, "PRIMARY")),
        "{refused:?}"
    );
    assert_eq!(
        rows(&other).await,
        [(1, 2), (9, 0)],
        "what was refused left nothing"
    );

    end(&db, "UPDATE t SET v = 3 WHERE id = 1").await.unwrap();
    assert_eq!(
        rows(&other).await,
        [(1, 3), (9, 0)],
        "the connection is not in a refused transaction any more"
    );
}

#[tokio::test]
async fn work_that_fails_or_panics_leaves_no_open_transaction_behind() {
    let schema = fresh_schema("db").await;
    let db = Db::connect_url(&schema.url, 1).unwrap();
    let other = Db::connect_url(&schema.url, 1).unwrap();
    end(
        &db,
        "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO t VALUES (1, 1)",
    )
    .await
    .unwrap();
    for panics in [false, true] {
        let db = db.clone();
        let failed = tokio::spawn(async move {
            db.run_ending("fails", move |tx| {
                Box::pin(async move {
                    sqlx::query("UPDATE t SET v = 2 WHERE id = 1")
                        .execute(tx)
                        .await?;
                    assert!(!panics, "on purpose");
                    Err::<Ending<()>, TxError<&str>>(TxError::refuse("no"))
                })
            })
            .await
        });
        match failed.await {
            Ok(outcome) => assert!(matches!(outcome, Err(TxError::Refuse("no")))),
            Err(error) => assert!(error.is_panic() && panics),
        }
        assert_eq!(rows(&other).await, [(1, 1)]);
        // Would wait in vain, were the row still locked.
        end(&other, "UPDATE t SET v = 1 WHERE id = 1")
            .await
            .unwrap();
    }
    assert_eq!(
        end(&db, "UPDATE t SET v = 4 WHERE id = 1").await.unwrap(),
        7
    );
    assert_eq!(rows(&other).await, [(1, 4)]);
}
