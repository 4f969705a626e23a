//! What the tests of every crate use.

use std::time::Duration;

use mall_testkit::{eventually, fresh_schema, mysql_url, redis_url};
use sqlx::{Connection, MySqlConnection};

async fn schemas_named(name: &str) -> i64 {
    let mut connection = MySqlConnection::connect(&mysql_url().await).await.unwrap();
    let query = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?";
    sqlx::query_scalar(query)
        .bind(name)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_schema_of_its_own_is_dropped_with_its_guard() {
    let (one, two) = (fresh_schema("kit").await, fresh_schema("kit").await);
    assert_ne!(one.name, two.name);
    MySqlConnection::connect(&one.url).await.unwrap();
    let name = one.name.clone();
    assert_eq!(schemas_named(&name).await, 1);
    drop(one);
    assert_eq!(schemas_named(&name).await, 0);
    assert_eq!(schemas_named(&two.name).await, 1);
}

// Two tests with a runtime each: the shared servers must outlive the runtime and the thread of the one that started them.
#[test]
fn the_servers_are_shared_between_runtimes() {
    let urls = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { (mysql_url().await, redis_url().await) })
    };
    let first = std::thread::spawn(urls).join().unwrap();
    let second = std::thread::spawn(urls).join().unwrap();
    assert_eq!(first, second);
    let address = second
        .1
        .trim_start_matches("redis://")
        .trim_end_matches('/')
        .to_owned();
    std::net::TcpStream::connect(address).unwrap();
}

#[tokio::test]
async fn eventually_waits_and_gives_the_answer() {
    let mut left = 3;
    let answer = eventually(Duration::from_secs(5), || {
        left -= 1;
        let now = left;
        async move { if now == 0 { Ok(7) } else { Err(now) } }
    })
    .await;
    assert_eq!(answer, 7);
}

#[tokio::test]
#[should_panic(expected = "not yet")]
async fn eventually_gives_up_with_the_last_reason() {
    eventually(Duration::from_millis(60), || async {
        Err::<(), _>("not yet")
    })
    .await;
}
