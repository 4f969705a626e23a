//! What is broken for an exchange, or made to have passed, and how it is mended.

use std::time::Duration;

use mall_testkit::eventually;
use reqwest::Method;
use serde_json::json;

use super::super::exchange::Exchange;
use super::Stage;

/// A service that was restarted is found again, and all breakers are closed.
const BACK_WITHIN: Duration = Duration::from_secs(40);

impl Stage {
    /// What was broken for one exchange is mended for the next.
    pub async fn clear(&self, exchange: &Exchange) {
        match exchange.name.as_str() {
            "signup, mail server down: account is saved all the same" => {
                self.shop.mall.set_mail_away(false)
            }
            "order while the breaker for products is open: made, stock not taken"
            | "order list while the breaker is open" => {
                self.shop.mall.restart("products").await.unwrap();
                self.shop.mall.wait_healthy().await.unwrap();
                self.wait_for_breakers().await;
            }
            _ => {}
        }
    }

    /// The others have seen products come back, and their breakers have closed.
    async fn wait_for_breakers(&self) {
        let probe = self.shop.shopper().await;
        let product = self.mug_when_possible().await;
        eventually(BACK_WITHIN, || async {
            let order = self.shop.order(&probe, product, 1).await;
            let wishes = self
                .shop
                .ask(Some(&probe), Method::GET, "/wish/list", None)
                .await;
            if order.status == 200 && wishes.status == 200 {
                Ok(())
            } else {
                Err(order.text)
            }
        })
        .await;
    }

    async fn mug_when_possible(&self) -> i64 {
        let body = json!({"name": "Mug", "price": 5000, "stock": 1000});
        eventually(BACK_WITHIN, || async {
            let add = Some(body.clone());
            let reply = self
                .shop
                .ask(Some(&self.admin), Method::POST, "/product/admin/add", add)
                .await;
            if reply.status == 200 {
                Ok(reply.json()["productId"].as_i64().unwrap())
            } else {
                Err(reply.text)
            }
        })
        .await
    }

    /// Ten minutes pass for every verification key.
    pub(super) async fn expire_keys(&self) {
        let client = redis::Client::open(self.shop.mall.redis_url()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("mall:verif*")
            .query_async(&mut redis)
            .await
            .unwrap();
        assert!(!keys.is_empty(), "no verification key in Redis");
        let () = redis::cmd("DEL")
            .arg(keys)
            .query_async(&mut redis)
            .await
            .unwrap();
    }
}
