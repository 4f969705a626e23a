use futures_util::future::join_all;
use http::Method;
use mall_db::TxError;
use serde_json::json;

use crate::support::{TestApp, Who};

const KIM: Who = Who::Shopper(1);

/// While it is there, no answer can be stored.
const UNSTORABLE: &str = "CREATE TRIGGER unstorable BEFORE UPDATE ON idempotency_key FOR EACH ROW \
    IF NEW.state = 'DONE' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'as the test wants'; END IF";

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

/// A cart with one line, and each route that changes one.
async fn calls(app: &TestApp) -> [(Method, String); 3] {
    let line = app.given_line(1, 3, 1).await;
    [
        (Method::POST, "/cart/add/1?count=2".to_owned()),
        (Method::PUT, format!("/cart/update/{line}?count=7")),
        (Method::DELETE, format!("/cart/delete/{line}")),
    ]
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_and_changes_nothing() {
    let app = TestApp::start().await;
    for (method, path) in calls(&app).await {
        let first = app.keyed(KIM, &path, method.clone(), &path).await;
        assert!(!first.replayed, "{path}");
        let first = first.ok();
        let cart = app.get(KIM, "/cart/getCart").await.ok();
        for _ in 0..2 {
            let again = app.keyed(KIM, &path, method.clone(), &path).await;
            assert!(again.replayed, "{path}");
            assert_eq!(again.ok(), first, "{path}");
        }
        // Another shopper's key of that name is another key.
        let other = app
            .keyed(Who::Shopper(2), &path, method.clone(), &path)
            .await;
        assert!(!other.replayed, "{path}");
        assert_eq!(app.get(KIM, "/cart/getCart").await.ok(), cart, "{path}");
        let reused = app
            .keyed(KIM, &path, Method::POST, "/cart/add/4?count=1")
            .await;
        assert_eq!(reused.problem(), (422, "IDEMPOTENCY_KEY_REUSED"));
    }
    assert_eq!(
        app.keyed(KIM, "a b", Method::POST, "/cart/add/4?count=1")
            .await
            .problem(),
        (400, "IDEMPOTENCY_KEY_INVALID")
    );
}

#[tokio::test]
async fn effect_and_answer_are_one_transaction() {
    let app = TestApp::start().await;
    for (method, path) in calls(&app).await {
        let cart = app.get(KIM, "/cart/getCart").await.ok();
        run(&app, UNSTORABLE).await;
        let failed = app.keyed(KIM, &path, method.clone(), &path).await;
        assert_eq!(failed.status, 500, "{path}");
        assert_eq!(app.get(KIM, "/cart/getCart").await.ok(), cart, "{path}");
        run(&app, "DROP TRIGGER unstorable").await;
        let again = app.keyed(KIM, &path, method.clone(), &path).await;
        assert!(!again.replayed, "{path}");
        let first = again.ok();
        assert_ne!(app.get(KIM, "/cart/getCart").await.ok(), cart, "{path}");
        let replayed = app.keyed(KIM, &path, method, &path).await;
        assert!(replayed.replayed, "{path}");
        assert_eq!(replayed.ok(), first, "{path}");
    }
}

#[tokio::test]
async fn twenty_presses_with_one_key_make_one_line_and_one_answer() {
    let app = TestApp::start().await;
    let press = || app.keyed(KIM, "k", Method::POST, "/cart/add/1?count=1");
    let replies = join_all((0..20).map(|_| press())).await;
    let line = press().await.ok();
    for reply in replies {
        if reply.status == 409 {
            assert_eq!(reply.problem(), (409, "REQUEST_IN_PROGRESS"));
        } else {
            assert_eq!(reply.ok(), line);
        }
    }
    let cart = app.get(KIM, "/cart/getCart").await.ok();
    assert_eq!(cart.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_refusal_is_kept_and_a_service_that_was_away_is_not() {
    let app = TestApp::start().await;
    let add = || app.keyed(KIM, "k", Method::POST, "/cart/add/1?count=1");
    *app.products.away.lock().unwrap() = true;
    assert_eq!(add().await.status, 503);
    *app.products.away.lock().unwrap() = false;
    add().await.ok();
    let twice = || app.keyed(KIM, "other", Method::POST, "/cart/add/1?count=1");
    assert_eq!(twice().await.problem(), (409, "ALREADY_IN_CART"));
    let line = app.get(KIM, "/cart/getCart").await.ok()[0]["cartId"].clone();
    let path = format!("/cart/delete/{line}");
    app.call(KIM, Method::DELETE, &path).await.ok();
    let again = twice().await;
    assert!(again.replayed);
    assert_eq!(again.problem(), (409, "ALREADY_IN_CART"));
    assert_eq!(app.get(KIM, "/cart/getCart").await.ok(), json!([]));
}
