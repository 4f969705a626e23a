use http::Method;
use mall_auth::Identity;
use mall_db::TxError;
use serde_json::{Value, json};

use crate::support::{From, PASSWORD, Reply, TestApp};

/// While it is there, no answer can be stored.
const UNSTORABLE: &str = "CREATE TRIGGER unstorable BEFORE UPDATE ON idempotency_key FOR EACH ROW \
    IF NEW.state = 'DONE' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'as the test wants'; END IF";

const STORABLE: &str = "DROP TRIGGER unstorable";

/// `CREATE TRIGGER` can't be prepared.
async fn run(app: &TestApp, sql: &'static str) {
    let run: Result<(), TxError<()>> = app
        .db
        .run_autocommit("test", move |conn| {
            Box::pin(async move {
                sqlx::raw_sql(sql).execute(conn).await?;
                Ok(())
            })
        })
        .await;
    run.unwrap();
}

async fn keyed(app: &TestApp, who: &Identity, key: &str, call: &(Method, &str, Value)) -> Reply {
    let from = From {
        identity: Some(who.clone()),
        key: Some(key),
        ..From::default()
    };
    let (method, path, body) = call;
    app.send(from, method.clone(), path, body.to_string()).await
}

fn replayed(reply: &Reply) -> bool {
    reply.headers.contains_key("idempotent-replayed")
}

/// What its owner sees.
async fn account(app: &TestApp, who: &Identity) -> [Value; 2] {
    let mut seen = [Value::Null, Value::Null];
    for (place, path) in seen.iter_mut().zip(["/user/mypage", "/wish/list"]) {
        *place = app.call(who, Method::GET, path, Value::Null).await.ok();
    }
    seen
}

fn calls() -> [(Method, &'static str, Value); 3] {
    let address = json!({"address": "Seoul"});
    [
        (Method::PUT, "/user/mypage/update", address),
        (Method::POST, "/wish/add/1", Value::Null),
        (Method::DELETE, "/wish/delete/1", Value::Null),
    ]
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_and_changes_nothing() {
    let app = TestApp::start().await;
    let kim = app.given_logged_in("kim@example.com").await;
    for call in calls() {
        let before = account(&app, &kim).await;
        let first = keyed(&app, &kim, call.1, &call).await;
        assert!(!replayed(&first), "{call:?}");
        let first = first.ok();
        let after = account(&app, &kim).await;
        assert_ne!(after, before, "{call:?}");
        for _ in 0..2 {
            let again = keyed(&app, &kim, call.1, &call).await;
            assert!(replayed(&again), "{call:?}");
            assert_eq!(again.ok(), first, "{call:?}");
        }
        assert_eq!(account(&app, &kim).await, after, "{call:?}");
        let other = (Method::POST, "/wish/add/5", Value::Null);
        assert_eq!(
            keyed(&app, &kim, call.1, &other).await.problem(),
            (422, "IDEMPOTENCY_KEY_REUSED")
        );
    }
}

#[tokio::test]
async fn effect_and_answer_are_one_transaction() {
    let app = TestApp::start().await;
    let kim = app.given_logged_in("kim@example.com").await;
    for call in calls() {
        let before = account(&app, &kim).await;
        run(&app, UNSTORABLE).await;
        assert_eq!(keyed(&app, &kim, call.1, &call).await.status, 500);
        assert_eq!(account(&app, &kim).await, before, "{call:?}");
        run(&app, STORABLE).await;
        let first = keyed(&app, &kim, call.1, &call).await.ok();
        assert_ne!(account(&app, &kim).await, before, "{call:?}");
        let again = keyed(&app, &kim, call.1, &call).await;
        assert!(replayed(&again), "{call:?}");
        assert_eq!(again.ok(), first);
    }
}

#[tokio::test]
async fn a_new_password_is_set_once_and_is_not_in_the_table() {
    let app = TestApp::start().await;
    let kim = app.given_logged_in("kim@example.com").await;
    let password = "Another1!x";
    let change = (
        Method::PUT,
        "/user/mypage/update",
        json!({"password": password}),
    );
    keyed(&app, &kim, "k", &change).await.ok();
    let credentials = || app.text("SELECT CAST(MAX(credentials) AS CHAR) FROM users");
    let set = credentials().await;
    assert!(replayed(&keyed(&app, &kim, "k", &change).await));
    assert_eq!(credentials().await, set);
    app.log_in("kim@example.com", password).await.ok();
    let rows = app
        .text(&format!(
            "SELECT CAST(COUNT(*) AS CHAR) FROM idempotency_key \
             WHERE CONCAT_WS('|', HEX(key_hash), HEX(fingerprint), content_type, body) NOT LIKE '%{password}%'"
        ))
        .await;
    assert_eq!(rows.as_deref(), Some("1"));
}

#[tokio::test]
async fn nothing_under_auth_takes_a_key() {
    let app = TestApp::start().await;
    let kim = app.given_logged_in("kim@example.com").await;
    let log_in = (
        Method::POST,
        "/auth/login",
        json!({"email": "kim@example.com", "password": PASSWORD}),
    );
    let tokens: Vec<String> = [
        keyed(&app, &kim, "k", &log_in).await,
        keyed(&app, &kim, "k", &log_in).await,
    ]
    .iter()
    .map(|reply| {
        assert!(!replayed(reply));
        reply.access_token()
    })
    .collect();
    assert_ne!(tokens[0], tokens[1]);
    let kept = app.text("SELECT CAST(COUNT(*) AS CHAR) FROM idempotency_key");
    assert_eq!(kept.await.as_deref(), Some("0"));
}
