//! Statements that change something without a transaction around them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mall_db::{Db, TxError, is_duplicate};
use mall_testkit::fresh_schema;

use crate::ending::{Failed, end, rows};

/// Two pools, a connection each, and a table with the row 1, 0.
async fn pools(url: &str) -> (Db, Db) {
    let (db, other) = (
        Db::connect_url(url, 1).unwrap(),
        Db::connect_url(url, 1).unwrap(),
    );
    let made = "CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO t VALUES (1, 0)";
    end(&db, made).await.unwrap();
    (db, other)
}

#[tokio::test]
async fn a_statement_is_committed_by_itself() {
    let schema = fresh_schema("db").await;
    let (db, other) = pools(&schema.url).await;
    let refused: Result<(), TxError<&str>> = db
        .run_autocommit("raise", move |conn| {
            let other = other.clone();
            Box::pin(async move {
                sqlx::query("UPDATE t SET v = 5 WHERE id = 1")
                    .execute(conn)
                    .await?;
                assert_eq!(rows(&other).await, [(1, 5)], "the others see it at once");
                Err(TxError::refuse("no"))
            })
        })
        .await;
    assert!(matches!(refused, Err(TxError::Refuse("no"))), "{refused:?}");
    assert_eq!(rows(&db).await, [(1, 5)], "what is refused behind it stays");
}

/// Adds one, and then the answer is lost `times` times.
async fn add(db: &Db, lost: u32, then: &'static str) -> Result<(), Failed> {
    let tries = Arc::new(AtomicU32::new(0));
    db.run_autocommit("add", move |conn| {
        let number = tries.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            sqlx::query("UPDATE t SET v = v + 1 WHERE id = 1")
                .execute(&mut *conn)
                .await?;
            if number < lost {
                return Err(TxError::Db(
                    io::Error::from(io::ErrorKind::ConnectionReset).into(),
                ));
            }
            sqlx::query(then).execute(conn).await?;
            Ok(())
        })
    })
    .await
}

#[tokio::test]
async fn who_lost_the_answer_says_it_again_and_never_that_nothing_was_changed() {
    let schema = fresh_schema("db").await;
    let (db, _) = pools(&schema.url).await;
    let duplicate = "INSERT INTO t VALUES (1, 0)";

    add(&db, 2, "DO 0").await.unwrap();
    assert_eq!(rows(&db).await, [(1, 3)], "once a try");

    let unknown = add(&db, 9, "DO 0").await;
    assert!(matches!(unknown, Err(TxError::Unknown(_))), "{unknown:?}");
    assert_eq!(rows(&db).await, [(1, 6)]);

    let unknown = add(&db, 1, duplicate).await;
    assert!(
        matches!(&unknown, Err(TxError::Unknown(error)) if is_duplicate(error, "PRIMARY")),
        "{unknown:?}"
    );
    // The server has said no, and nothing was in doubt.
    let refused = add(&db, 0, duplicate).await;
    assert!(
        matches!(&refused, Err(TxError::Db(error)) if is_duplicate(error, "PRIMARY")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_silent_server_may_have_done_it() {
    let schema = fresh_schema("db").await;
    let (db, _) = pools(&schema.url).await;
    let hasty = db.with_unit_limit(Duration::from_millis(300));
    let unknown = add(&hasty, 0, "DO SLEEP(5)").await;
    assert!(matches!(unknown, Err(TxError::Unknown(_))), "{unknown:?}");
    assert_eq!(
        rows(&hasty).await,
        [(1, 1)],
        "it is not waited for a second time"
    );
}
