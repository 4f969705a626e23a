//! A server that is lenient by default: a NULL where none may be would be a zero with a warning, and a guard would guard nothing.

use mall_db::{Db, TxError, is_null_refused};
use mall_testkit::Scratch;
use mall_testkit::mariadb::{MariaDb, MariaDbSettings};

use crate::ending::{end, rows};

#[tokio::test]
async fn a_guard_that_says_no_is_heard_by_a_lenient_server() {
    let scratch = Scratch::new("lenient").unwrap();
    let server = MariaDb::start_with(&MariaDbSettings {
        throwaway: true,
        args: vec!["--sql-mode=".into()],
        ..MariaDbSettings::new(scratch.path())
    })
    .unwrap();
    let db = Db::connect_url(&format!("{}/mysql", server.url_root()), 1).unwrap();
    end(
        &db,
        "CREATE DATABASE shop; USE shop; CREATE TABLE t (id INT PRIMARY KEY, v INT NOT NULL); INSERT INTO t VALUES (1, 7)",
    )
    .await
    .unwrap();
    for no in [
        "UPDATE t SET v = IF(v >= 8, v - 8, NULL) WHERE id = 1",
        "INSERT INTO t VALUES (IF(1 = 2, 2, NULL), 0), (3, 0)",
        "INSERT INTO t SELECT IF(v >= 8, 2, NULL), 0 FROM t",
    ] {
        let refused = end(&db, no).await.unwrap_err();
        assert!(
            matches!(&refused, TxError::Db(error) if is_null_refused(error)),
            "{no}: {refused:?}"
        );
    }
    assert_eq!(rows(&db).await, [(1, 7)]);
    db.close().await;
    server.stop();
}
