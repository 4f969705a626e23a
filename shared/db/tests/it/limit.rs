use std::convert::Infallible;
use std::time::{Duration, Instant};

use mall_db::{Db, TxError};
use mall_problem::{ErrorKind, Problem};
use mall_testkit::fresh_schema;

type Failed = TxError<Infallible>;

async fn execute(db: &Db, sql: &'static str) -> Result<u64, Failed> {
    db.run_tx("execute", move |tx| {
        Box::pin(async move { Ok(sqlx::query(sql).execute(tx).await?.rows_affected()) })
    })
    .await
}

async fn rows(db: &Db) -> i64 {
    let rows: Result<i64, Failed> = db
        .read("rows", |conn| {
            Box::pin(async move {
                Ok(sqlx::query_scalar("SELECT COUNT(*) FROM t")
                    .fetch_one(conn)
                    .await?)
            })
        })
        .await;
    rows.unwrap()
}

/// A server that is silent for longer than a unit may take: `SLEEP` stands for it.
#[tokio::test]
async fn a_silent_server_costs_a_bounded_time_and_no_connection() {
    let schema = fresh_schema("db").await;
    // One connection: were it lost, or handed on with the open transaction, nothing below would work.
    let db = Db::connect_url(&schema.url, 1).unwrap();
    execute(&db, "CREATE TABLE t (id INT PRIMARY KEY)")
        .await
        .unwrap();
    let patient = db.clone();
    let db = db.with_unit_limit(Duration::from_millis(300));

    let begun = Instant::now();
    let late: Result<(), Failed> = db
        .run_tx("late", |tx| {
            Box::pin(async move {
                sqlx::query("INSERT INTO t VALUES (1)")
                    .execute(&mut *tx)
                    .await?;
                sqlx::query("DO SLEEP(5)").execute(tx).await?;
                Ok(())
            })
        })
        .await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{late:?}");
    let problem = Problem::from(late.unwrap_err());
    assert_eq!(
        (problem.kind(), problem.code()),
        (ErrorKind::Unavailable, "DATABASE_UNAVAILABLE")
    );

    assert_eq!(
        execute(&patient, "INSERT INTO t VALUES (2)").await.unwrap(),
        1
    );
    assert_eq!(rows(&patient).await, 1, "the late unit left nothing");

    let begun = Instant::now();
    let late: Result<i64, Failed> = db
        .read("late", |conn| {
            Box::pin(async move {
                Ok(sqlx::query_scalar("SELECT SLEEP(5)")
                    .fetch_one(conn)
                    .await?)
            })
        })
        .await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{late:?}");
    late.unwrap_err();
    assert_eq!(rows(&patient).await, 1);

    // Nothing of it is in an open transaction of somebody else's: another session sees it.
    let other = Db::connect_url(&schema.url, 1).unwrap();
    assert_eq!(rows(&other).await, 1);
}
