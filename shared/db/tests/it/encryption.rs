//! TLS, against a server that lets nobody in without it.

use std::fs;

use mall_db::{DatabaseSettings, Db, TxError};
use mall_testkit::Scratch;
use mall_testkit::certificates::Certificates;
use mall_testkit::mariadb::{MariaDb, MariaDbSettings};

fn settings(server: &MariaDb, query: &str, ca: Option<&str>) -> DatabaseSettings {
    DatabaseSettings {
        url: format!("jdbc:{}/mysql?{query}", server.url_root()),
        username: None,
        password: None,
        ca: ca.map(str::to_owned),
        max_connections: 2,
    }
}

async fn cipher(settings: &DatabaseSettings) -> Result<String, String> {
    let db = Db::connect(settings).map_err(|error| error.to_string())?;
    let shown = db.read("cipher", |conn| {
        Box::pin(async move {
            let (_, cipher): (String, String) =
                sqlx::query_as("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
                    .fetch_one(conn)
                    .await?;
            Ok::<_, TxError<std::convert::Infallible>>(cipher)
        })
    });
    let shown = shown.await.map_err(|error| error.to_string());
    db.close().await;
    shown
}

#[tokio::test]
async fn the_server_is_who_it_says_and_the_line_is_encrypted() {
    let scratch = Scratch::new("tls").unwrap();
    let made = Certificates::make(&scratch.path().join("tls")).unwrap();
    let stranger = Certificates::make(&scratch.path().join("stranger")).unwrap();
    let server = MariaDb::start_with(&MariaDbSettings {
        throwaway: true,
        args: vec![
            format!("--ssl-cert={}", made.certificate.display()),
            format!("--ssl-key={}", made.key.display()),
            "--require-secure-transport=ON".into(),
        ],
        ..MariaDbSettings::new(scratch.path())
    })
    .unwrap();
    let (ours, theirs) = (made.ca.to_str().unwrap(), stranger.ca.to_str().unwrap());

    let checked = cipher(&settings(&server, "sslMode=VERIFY_IDENTITY", Some(ours))).await;
    assert!(checked.unwrap().starts_with("TLS_"));
    let text = fs::read_to_string(&made.ca).unwrap();
    let inline = cipher(&settings(&server, "sslMode=VERIFY_CA", Some(&text))).await;
    assert!(inline.unwrap().starts_with("TLS_"));
    // Nothing said: encrypted, because the server can.
    assert!(
        cipher(&settings(&server, "", None))
            .await
            .unwrap()
            .starts_with("TLS_")
    );

    cipher(&settings(&server, "sslMode=VERIFY_CA", Some(theirs)))
        .await
        .expect_err("somebody else's authority");
    cipher(&settings(&server, "sslMode=VERIFY_IDENTITY", None))
        .await
        .expect_err("no well-known authority signed it");
    cipher(&settings(&server, "useSSL=false", None))
        .await
        .expect_err("the server wants TLS");
    server.stop();
}
