use std::convert::Infallible;

use mall_db::{Db, TxError};
use mall_testkit::fresh_schema;

async fn answer(db: &Db, sql: &'static str) -> String {
    let answer: Result<String, TxError<Infallible>> = db
        .read("answer", move |conn| {
            Box::pin(async move { Ok(sqlx::query_scalar(sql).fetch_one(conn).await?) })
        })
        .await;
    answer.unwrap()
}

#[tokio::test]
async fn a_unix_socket_takes_the_place_of_host_and_port() {
    // A port is behind the host's name; which name that is, servers see differently.
    const WAY: &str = "SELECT IF(host LIKE '%:%', 'tcp', host) FROM information_schema.processlist \
                       WHERE id = CONNECTION_ID()";
    let schema = fresh_schema("db").await;
    let tcp = Db::connect_url(&schema.url, 1).unwrap();
    assert_eq!(answer(&tcp, WAY).await, "tcp");
    // A relative path is relative to the data.
    let (folder, file) = (
        answer(&tcp, "SELECT @@datadir").await,
        answer(&tcp, "SELECT @@socket").await,
    );
    let path = std::path::Path::new(&folder).join(file);
    let url = format!("{}?useSSL=false&localSocket={}", schema.url, path.display());
    let unix = Db::connect_url(&url, 1).unwrap();
    assert_eq!(answer(&unix, WAY).await, "localhost");
}
