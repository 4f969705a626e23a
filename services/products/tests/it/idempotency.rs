use chrono::TimeDelta;
use http::Method;
use mall_db::TxError;
use serde_json::{Value, json};

use crate::support::TestApp;

/// While it is there, no answer can be stored.
const UNSTORABLE: &str = "CREATE TRIGGER unstorable BEFORE UPDATE ON idempotency_key FOR EACH ROW \
    IF NEW.state = 'DONE' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'as the test wants'; END IF";

const STORABLE: &str = "DROP TRIGGER unstorable";

async fn run(app: &TestApp, sql: &'static str) {
    let run: Result<(), TxError<()>> = app
        .products
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

fn mug() -> Value {
    json!({"name": "Mug", "description": "d", "price": 5000, "isLimitedEdition": false, "stock": 10})
}

/// Everything that a caller can see of the catalogue.
async fn catalogue(app: &TestApp) -> Value {
    let list = app.get("/product/allproduct").await.ok();
    let mut details = Vec::new();
    for product in list.as_array().unwrap() {
        let path = format!("/product/detail/{}", product["productId"]);
        details.push(app.get(&path).await.ok());
    }
    json!({"list": list, "details": details})
}

#[tokio::test]
async fn the_same_key_gets_the_first_answer_and_changes_nothing() {
    let app = TestApp::start().await;
    let id = app.add(mug()).await;
    for (method, path, body) in [
        (Method::POST, "/product/admin/add".to_owned(), mug()),
        (
            Method::PUT,
            format!("/product/admin/edit/{id}"),
            json!({"price": 6000, "stock": 7, "imageUrl": "http://x/1.png", "imageName": "i"}),
        ),
        (
            Method::PUT,
            format!("/product/admin/stock/{id}"),
            json!({"change": 5}),
        ),
    ] {
        let before = catalogue(&app).await;
        let first = app.keyed(&path, method.clone(), &path, &body).await;
        assert!(!first.headers.contains_key("idempotent-replayed"), "{path}");
        let first = first.ok();
        let after = catalogue(&app).await;
        assert_ne!(after, before, "{path}");
        for _ in 0..2 {
            let again = app.keyed(&path, method.clone(), &path, &body).await;
            assert_eq!(again.headers["idempotent-replayed"], "true", "{path}");
            assert_eq!(again.ok(), first, "{path}");
        }
        assert_eq!(catalogue(&app).await, after, "{path}");
        let reused = app.keyed(&path, method, &path, &json!({"x": 1})).await;
        assert_eq!(reused.problem(), (422, "IDEMPOTENCY_KEY_REUSED"));
    }
}

#[tokio::test]
async fn a_product_and_the_answer_are_one_transaction() {
    let app = TestApp::start().await;
    run(&app, UNSTORABLE).await;
    let add = || async {
        let body = mug();
        app.keyed("k", Method::POST, "/product/admin/add", &body)
            .await
    };
    assert_eq!(add().await.status, 500);
    assert_eq!(app.get("/product/allproduct").await.ok(), json!([]));
    run(&app, STORABLE).await;
    let added = add().await.ok();
    assert_eq!(add().await.ok(), added);
    let all = app.get("/product/allproduct").await.ok();
    assert_eq!(all.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_edit_that_came_as_far_as_stock_is_finished_by_the_repeat() {
    let app = TestApp::start().await;
    let id = app.add(mug()).await;
    let path = format!("/product/admin/edit/{id}");
    let body = json!({"stock": 7, "imageUrl": "http://x/1.png", "imageName": "i"});
    run(&app, UNSTORABLE).await;
    let half = app.keyed("k", Method::PUT, &path, &body).await;
    assert_eq!(half.status, 500);
    assert_eq!(app.stock.item(id).unwrap().1, 7);
    run(&app, STORABLE).await;
    // Somebody else's change in between is not undone by the repeat.
    let change = json!({"change": -2});
    app.keyed(
        "other",
        Method::PUT,
        &format!("/product/admin/stock/{id}"),
        &change,
    )
    .await
    .ok();
    app.keyed("k", Method::PUT, &path, &body).await.ok();
    app.keyed("k", Method::PUT, &path, &body).await.ok();
    assert_eq!(app.stock.item(id).unwrap().1, 5);
    let detail = app.get(&format!("/product/detail/{id}")).await.ok();
    assert!(
        detail.to_string().matches("http://x/1.png").count() == 1,
        "{detail}"
    );
}

#[tokio::test]
async fn a_change_of_stock_whose_answer_was_lost_is_not_booked_again() {
    let app = TestApp::start().await;
    let id = app.add(mug()).await;
    let (path, body) = (format!("/product/admin/stock/{id}"), json!({"change": 5}));
    run(&app, UNSTORABLE).await;
    let first = app.keyed("k", Method::PUT, &path, &body).await.ok();
    run(&app, STORABLE).await;
    assert_eq!(
        app.keyed("k", Method::PUT, &path, &body).await.problem(),
        (409, "REQUEST_IN_PROGRESS")
    );
    app.clock.advance(TimeDelta::seconds(30));
    let again = app.keyed("k", Method::PUT, &path, &body).await;
    assert!(!again.headers.contains_key("idempotent-replayed"));
    assert_eq!(again.ok(), first);
    assert_eq!(app.stock.item(id).unwrap().1, 15);
    let replayed = app.keyed("k", Method::PUT, &path, &body).await;
    assert_eq!(replayed.headers["idempotent-replayed"], "true");
}
