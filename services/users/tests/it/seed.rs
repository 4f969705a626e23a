use http::Method;
use mall_service::{Given, Tool};
use mall_testkit::Scratch;
use mall_users::Seed;
use serde_json::Value;

use crate::support::TestApp;

async fn seed(app: &TestApp, buyers: u32, scratch: &Scratch, local: bool) -> anyhow::Result<()> {
    let seed = Seed::Seed {
        buyers,
        tokens: scratch.path().join("tokens.txt"),
        password: "buyerpass1!".to_owned(),
    };
    let given = Given {
        config: app.config.clone(),
        clock: app.clock.clone(),
        db: Some(app.db.clone()),
        tokens: Some(app.tokens.clone()),
        local,
    };
    seed.run(given).await
}

#[tokio::test]
async fn shoppers_in_bulk_can_shop_and_log_in() {
    let app = TestApp::start().await;
    let scratch = Scratch::new("users-seed").unwrap();
    app.given_shopper("buyer-7@mall.test").await;
    // Over the edge of a statement, and twice: what is there is kept.
    for _ in 0..2 {
        seed(&app, 700, &scratch, true).await.unwrap();
    }
    let count = "SELECT CAST(COUNT(DISTINCT email_index) AS CHAR) FROM users";
    assert_eq!(app.text(count).await.as_deref(), Some("700"));

    let text = std::fs::read_to_string(scratch.path().join("tokens.txt")).unwrap();
    let tokens: Vec<&str> = text.lines().collect();
    let different: std::collections::HashSet<_> = tokens.iter().collect();
    assert_eq!((tokens.len(), different.len()), (700, 700));
    let last = app.gateway(tokens[699]).await.unwrap();
    let page = app
        .call(&last, Method::GET, "/user/mypage", Value::Null)
        .await
        .ok();
    assert_eq!(page["email"], "buyer-700@mall.test");
    app.log_in("buyer-700@mall.test", "buyerpass1!").await.ok();
}

#[tokio::test]
async fn only_a_local_mall_has_that() {
    let app = TestApp::start().await;
    let scratch = Scratch::new("users-seed").unwrap();
    let refused = seed(&app, 1, &scratch, false).await.unwrap_err();
    assert!(refused.to_string().contains("profile local"), "{refused}");
    let count = "SELECT CAST(COUNT(*) AS CHAR) FROM users";
    assert_eq!(app.text(count).await.as_deref(), Some("0"));
    assert!(!scratch.path().join("tokens.txt").exists());
}
