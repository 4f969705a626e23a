//! A mall for system tests.

use mall_testkit::{MallUnderTest, http};
use std::time::Duration;

#[tokio::test]
async fn a_mall_of_its_own_with_two_stock_instances_loses_and_regains_one() {
    let mall = MallUnderTest::builder()
        .instances("stock", 2)
        .env("stock-2", "LOGGING_LEVEL_ROOT", "debug")
        .start()
        .await
        .unwrap();
    assert_eq!(mall.urls("stock").len(), 2);
    assert_ne!(mall.url("stock"), mall.url("stock-2"));
    let get = |url: String| http::get(&url, Duration::from_secs(5)).unwrap();
    let shop = get(format!("{}/product/allproduct", mall.gateway_url()));
    assert_eq!((shop.status, shop.text().as_str()), (200, "[]"));
    assert!(mall.mails_to("nobody@example.com").is_empty());
    assert!(mall.mail_folder().is_dir() && !mall.logs("stock").is_empty());

    mall.kill("stock-2").await;
    let state = |views: Vec<mall_testkit::mall::InstanceView>, name: &str| {
        views
            .into_iter()
            .find(|view| view.name == name)
            .unwrap()
            .state
    };
    assert_eq!(state(mall.status().await, "stock-2"), "STOPPED");
    assert_eq!(state(mall.status().await, "stock"), "UP");
    mall.restart("stock-2").await.unwrap();
    mall.wait_healthy().await.unwrap();
    assert_eq!(state(mall.status().await, "stock-2"), "UP");
    mall.shut_down().await;
    assert_eq!(state(mall.status().await, "gateway"), "STOPPED");
}
