use serde_json::json;

use crate::support::{Options, PASSWORD, TestApp};

const WHOLE_ROW: &str = "SELECT CONCAT_WS('|', email, HEX(email_index), name, phone_num, address, registration, password) FROM users";
const OUTBOX: &str =
    "SELECT GROUP_CONCAT(CONCAT_WS('|', topic, ordering_key, payload, last_error)) FROM outbox";

async fn sign_up(app: &TestApp) {
    let request = json!({
        "email": "kim@mall.example", "password": PASSWORD, "address": "Gangnam 1",
        "registration": "900101-1234567", "name": "Kim", "phoneNum": "010-1234-5678",
    });
    app.post("/auth/signup", request).await.ok();
}

#[tokio::test]
async fn nothing_personal_stands_in_clear() {
    let app = TestApp::with(Options {
        mail_is_there: false,
        ..Options::default()
    })
    .await;
    sign_up(&app).await;
    let row = app.text(WHOLE_ROW).await.unwrap();
    let outbox = app.text(OUTBOX).await.unwrap();
    for personal in [
        "kim@mall.example",
        "Gangnam",
        "900101",
        "Kim",
        "1234-5678",
        PASSWORD,
    ] {
        assert!(!row.contains(personal), "{personal} in {row}");
        assert!(!outbox.contains(personal), "{personal} in {outbox}");
    }
    assert_eq!(app.text("SELECT registration FROM users").await, None);
}

#[tokio::test]
async fn a_registration_number_is_stored_only_when_a_setting_says_so() {
    let mut options = Options::default();
    options.config.store_registration_number = true;
    let app = TestApp::with(options).await;
    sign_up(&app).await;
    let stored = app.text("SELECT registration FROM users").await.unwrap();
    assert!(
        stored.starts_with("k1:") && !stored.contains("900101"),
        "{stored}"
    );
}

#[tokio::test]
async fn redis_holds_no_key_in_clear() {
    let app = TestApp::start().await;
    sign_up(&app).await;
    let key = app.key_of("kim@mall.example", 1).await;
    let mut redis = app.redis.clone();
    let names: Vec<String> = redis::cmd("KEYS")
        .arg("mall:verification*")
        .query_async(&mut redis)
        .await
        .unwrap();
    assert!(!names.is_empty());
    assert!(names.iter().all(|name| !name.contains(&key)), "{names:?}");
}
