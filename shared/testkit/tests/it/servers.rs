//! MariaDB and Redis start, keep their data, and come back.

use std::time::{Duration, Instant};

use mall_testkit::mariadb::{MariaDb, MariaDbSettings};
use mall_testkit::server::Activity;
use mall_testkit::{Redis, Scratch};
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

fn mariadb(scratch: &Scratch) -> MariaDbSettings {
    MariaDbSettings {
        throwaway: true,
        init_sql: vec![
            "CREATE DATABASE IF NOT EXISTS mine CHARACTER SET utf8mb4;".into(),
            "CREATE DATABASE IF NOT EXISTS other CHARACTER SET utf8mb4;".into(),
            "CREATE USER IF NOT EXISTS 'me'@'127.0.0.1' IDENTIFIED BY 'secret';".into(),
            "GRANT ALL ON mine.* TO 'me'@'127.0.0.1';".into(),
        ],
        ..MariaDbSettings::new(scratch.path())
    }
}

async fn run(url: &str, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = MySqlConnection::connect(url).await?;
    connection
        .execute(AssertSqlSafe(statement.to_owned()))
        .await?;
    connection.close().await
}

async fn text(url: &str, query: &str) -> String {
    let mut connection = MySqlConnection::connect(url).await.unwrap();
    let (value,): (String,) = sqlx::query_as(AssertSqlSafe(query.to_owned()))
        .fetch_one(&mut connection)
        .await
        .unwrap();
    value
}

#[tokio::test]
async fn a_committed_row_survives_a_kill_and_a_user_sees_only_its_own_schema() {
    let scratch = Scratch::new("db").unwrap();
    let mariadb = MariaDb::start_with(&mariadb(&scratch)).unwrap();
    let port = mariadb.server().port();
    let mine = format!("mysql://me:secret@127.0.0.1:{port}/mine");
    run(&mine, "CREATE TABLE t (word VARCHAR(20)) ENGINE=InnoDB")
        .await
        .unwrap();
    run(&mine, "INSERT INTO t VALUES ('한정판 😀')")
        .await
        .unwrap();
    let foreign = run(&mine, "CREATE TABLE other.t (id INT)")
        .await
        .unwrap_err();
    assert!(foreign.to_string().contains("denied"), "{foreign}");

    mariadb.server().kill();
    assert_eq!(mariadb.server().activity(), Activity::Stopped);
    mariadb.server().start().unwrap();
    mariadb
        .server()
        .wait_ready(Duration::from_secs(30), &|| false)
        .unwrap();
    assert_eq!(text(&mine, "SELECT word FROM t").await, "한정판 😀");
    mariadb.stop();
    assert_eq!(mariadb.pid(), None);
}

#[tokio::test]
async fn mariadb_is_durable_and_answers_only_on_loopback() {
    let scratch = Scratch::new("durable").unwrap();
    let mariadb = MariaDb::start(scratch.path(), None).unwrap();
    let url = mariadb.url_root();
    let flush = "SELECT CAST(@@innodb_flush_log_at_trx_commit AS CHAR)";
    assert_eq!(text(&url, flush).await, "1");
    assert_eq!(text(&url, "SELECT IF(@@log_bin, 'on', 'off')").await, "off");
    assert_ne!(text(&url, "SELECT @@innodb_flush_method").await, "nosync");
    assert_eq!(text(&url, "SELECT @@bind_address").await, "127.0.0.1");
    assert_eq!(text(&url, "SELECT @@character_set_server").await, "utf8mb4");
    assert!(mariadb.socket().exists());
}

#[test]
fn a_folder_too_deep_for_a_socket_still_works() {
    let scratch = Scratch::new("deep").unwrap();
    let deep = scratch
        .path()
        .join("a-rather-long-name-of-a-folder".repeat(3))
        .join("and-one-more-folder-inside-of-it");
    let settings = MariaDbSettings {
        throwaway: true,
        ..MariaDbSettings::new(&deep)
    };
    std::fs::create_dir_all(&deep).unwrap();
    MariaDb::start_with(&settings).unwrap();
}

#[test]
fn a_taken_port_is_told_at_once() {
    let scratch = Scratch::new("taken").unwrap();
    let first = Redis::start(&scratch.path().join("a"), None).unwrap();
    let started = Instant::now();
    let error = Redis::start(&scratch.path().join("b"), Some(first.server().port())).unwrap_err();
    assert!(
        format!("{error:#}").contains("is taken by another program"),
        "{error:#}"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_supervisor_starts_a_crashed_server_again_but_not_a_stopped_one() {
    let scratch = Scratch::new("keep").unwrap();
    let redis = Redis::start(scratch.path(), None).unwrap();
    let server = redis.server();
    let first = server.pid().unwrap();
    assert_eq!(server.keep_up(), None);
    mall_testkit::unix::signal(first, mall_testkit::unix::Signal::Kill).unwrap();

    let deadline = Instant::now() + Duration::from_secs(10);
    let mut notices = Vec::new();
    while server.pid().is_none_or(|pid| pid == first) || !server.is_ready() {
        notices.extend(server.keep_up());
        assert!(Instant::now() < deadline, "not restarted: {notices:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.restarts(), 1);
    assert_eq!(notices.len(), 1, "{notices:?}");
    redis.stop();
    assert_eq!(server.keep_up(), None);
    assert_eq!(server.activity(), Activity::Stopped);
}

#[test]
fn a_frozen_server_can_be_stopped() {
    let scratch = Scratch::new("frozen").unwrap();
    let redis = Redis::start(scratch.path(), None).unwrap();
    redis.server().pause();
    assert!(!redis.server().is_ready());
    redis.server().resume();
    assert!(redis.server().is_ready());
    redis.server().pause();
    redis.stop();
    assert_eq!(redis.pid(), None);
}
