//! A mall that is paid through Toss Payments: its simulator plays Toss, webhooks come through the gateway.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use mall_payments::toss_simulator::{Options, Simulator};
use mall_system_tests::{Person, Reply};
use mall_testkit::{MallUnderTest, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::malls::{Town, run};

const WEBHOOK_KEY: &str = "what webhooks of this mall are signed with";

struct World {
    town: Town,
    toss: Simulator,
}

impl World {
    async fn start() -> World {
        let options = Options {
            address: "127.0.0.1:0".parse().unwrap(),
            secret_key: "test_sk_simulator".into(),
            webhook_url: None,
            webhook_key: Some(WEBHOOK_KEY.into()),
            ledger: None,
        };
        let toss = Simulator::start(options, mall_clock::system()).await;
        let toss = toss.unwrap();
        let builder = MallUnderTest::builder()
            .instances("payments", 2)
            .env("payments", "MALL_PAYMENTS_PROVIDER", "toss")
            .env("payments", "MALL_PAYMENTS_TOSS_BASEURL", &toss.url())
            .env(
                "payments",
                "MALL_PAYMENTS_TOSS_SECRETKEY",
                "test_sk_simulator",
            )
            .env("payments", "MALL_PAYMENTS_TOSS_WEBHOOKKEY", WEBHOOK_KEY)
            .env("orders", "MALL_ORDERS_SETTLEAFTER", "1s")
            .env("orders", "MALL_ORDERS_SETTLESCHEDULE", "@every 500ms")
            .env("orders", "MALL_ORDERS_STATUSAGE", "8s")
            .env("orders", "MALL_ORDERS_ADVANCESCHEDULE", "@every 200ms");
        let town = Town::build(builder).await;
        toss.tell(format!(
            "{}/payment/webhooks/toss",
            town.shop.mall.gateway_url()
        ));
        World { town, toss }
    }

    async fn pay(&self, who: &Person, order: i64, key: Option<&str>) -> Reply {
        let body = json!({"isCanceled": false, "isLimitExcess": false, "paymentKey": key});
        let path = format!("/order/payOrder/{order}");
        let shop = &self.town.shop;
        shop.ask(Some(who), Method::PUT, &path, Some(body)).await
    }

    /// Some instance has told of it in its log, under the target `audit`.
    async fn audited(&self, service: &str, what: &str) {
        eventually(Duration::from_secs(10), || async {
            let mall = &self.town.shop.mall;
            let instances = match service {
                "payments" => vec!["payments", "payments-2"],
                one => vec![one],
            };
            let logs: String = instances.iter().map(|one| mall.logs(one)).collect();
            let is_told = |line: &str| line.contains(" audit: ") && line.contains(what);
            if logs.lines().any(is_told) {
                Ok(())
            } else {
                Err(format!("{service} has no audit line with {what}"))
            }
        })
        .await;
    }

    async fn status(&self, who: &Person, order: i64) -> String {
        let shop = &self.town.shop;
        let path = format!("/order/{order}");
        let detail = shop.ask(Some(who), Method::GET, &path, None).await;
        let detail = detail.expect(200).json();
        detail["orderStatus"].as_str().unwrap().to_owned()
    }

    async fn becomes(&self, who: &Person, order: i64, wanted: &str) {
        eventually(Duration::from_secs(30), || async {
            let status = self.status(who, order).await;
            if status == wanted {
                Ok(())
            } else {
                Err(status)
            }
        })
        .await;
    }

    /// Money that moved at Toss for an order: charged, given back.
    fn moved(&self, order: i64) -> (Vec<i64>, Vec<i64>) {
        let id = format!("order-{order}");
        let movements = self.toss.ledger().movements;
        let of = |kind: &str| {
            let moved = movements.iter();
            moved
                .filter(|moved| moved.order_id == id && moved.kind == kind)
                .map(|moved| moved.amount)
                .collect()
        };
        (of("CHARGE"), of("REFUND"))
    }

    async fn kept(&self, order: i64) -> Value {
        let path = format!("/admin/payments/{order}");
        let (shop, admin) = (&self.town.shop, &self.town.admin);
        let kept = shop.ask(Some(admin), Method::GET, &path, None).await;
        kept.expect(200).json()
    }
}

#[test]
fn an_order_is_paid_through_the_window_and_given_back_once() {
    run(async {
        let world = World::start().await;
        let (shop, toss) = (&world.town.shop, &world.toss);
        let me = shop.shopper().await;
        let mug = world.town.mug(10).await;

        // Without the window there is nothing to confirm, and the order waits on.
        let order = shop.ordered(&me, mug, 2).await;
        let amount = shop
            .ask(Some(&me), Method::GET, &format!("/order/{order}"), None)
            .await;
        assert_eq!(amount.expect(200).json()["orderStatus"], "WAITING_PAYING");
        let refused = world.pay(&me, order, None).await;
        assert_eq!(refused.verdict(), (400, "PAYMENT_KEY_REQUIRED".into()));
        assert_eq!(world.status(&me, order).await, "WAITING_PAYING");

        // The answer of the confirmation is lost; Toss's webhook, or asking again, finds out.
        let total = 2 * 5000;
        let key = toss.agree(&format!("order-{order}"), total, None);
        toss.switch(|on| {
            on.lose_answers = 1;
            on.double_webhooks = true;
        });
        let answer = world.pay(&me, order, Some(&key)).await;
        assert!(
            [200, 503].contains(&answer.status.as_u16()),
            "{}",
            answer.text
        );
        world.becomes(&me, order, "ORDER_COMPLETE").await;
        // Before time moves it on; what follows, below.
        let cancel = format!("/order/cancel/{order}");
        let cancelled = shop.ask(Some(&me), Method::PUT, &cancel, None).await;
        cancelled.expect(200);
        assert_eq!(world.moved(order), (vec![total], vec![]));
        toss.notices_sent().await;
        let kept = world.kept(order).await;
        assert_eq!(
            (&kept["state"], &kept["provider"]),
            (&json!("CAPTURED"), &json!("toss"))
        );

        // Another amount than the order's is not even tried, and that key pays no other order.
        let other = shop.ordered(&me, mug, 1).await;
        let refused = world.pay(&me, other, Some(&key)).await;
        assert_eq!(refused.verdict(), (409, "PAYMENT_KEY_USED".into()));
        let cheap =
            json!({"isCanceled": false, "isLimitExcess": false, "paymentKey": "k", "amount": 1});
        let path = format!("/order/payOrder/{other}");
        let refused = shop.ask(Some(&me), Method::PUT, &path, Some(cheap)).await;
        assert_eq!(refused.verdict(), (409, "PAYMENT_AMOUNT_MISMATCH".into()));
        assert_eq!(world.status(&me, other).await, "WAITING_PAYING");
        let declined = toss.agree(&format!("order-{other}"), 5000, Some("REJECT_CARD_PAYMENT"));
        let refused = world.pay(&me, other, Some(&declined)).await;
        assert_eq!(refused.verdict(), (409, "PAYMENT_DECLINED".into()));
        assert_eq!(world.status(&me, other).await, "ORDER_CANCEL");
        assert_eq!(world.moved(other), (vec![], vec![]));

        // Time has come: the money goes back at Toss, once, though an answer is lost again.
        toss.switch(|on| on.lose_answers = 1);
        world.becomes(&me, order, "ORDER_CANCEL").await;
        eventually(Duration::from_secs(60), || async {
            let kept = world.kept(order).await;
            if kept["refunds"][0]["state"] == "REFUNDED" {
                Ok(())
            } else {
                Err(kept)
            }
        })
        .await;
        assert_eq!(world.moved(order), (vec![total], vec![total]));

        // Anybody may knock; nobody gets in.
        let admins = format!("/admin/payments/{order}");
        let nobody = shop.ask(None, Method::GET, &admins, None).await;
        assert_eq!(nobody.status, 401);
        let shopper = shop.ask(Some(&me), Method::GET, &admins, None).await;
        assert_eq!(shopper.status, 403);
        let forged = json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": format!("order-{order}"), "status": "DONE"}});
        let time = now();
        let headers = [
            ("content-type", "application/json"),
            ("tosspayments-webhook-transmission-id", "forged"),
            ("tosspayments-webhook-transmission-time", time.as_str()),
            ("tosspayments-webhook-signature", "v1:AAAA"),
        ];
        let path = "/payment/webhooks/toss";
        let refused = shop
            .send(Method::POST, path, &headers, Some(forged.to_string()))
            .await;
        assert_eq!(refused.verdict(), (401, "WEBHOOK_FORGED".into()));
        world.audited("payments", "code=WEBHOOK_FORGED").await;

        // One that is well signed is seen to once; caught and sent again under another id it is nothing new.
        let told = |amount: i64| {
            json!({"eventType": "PAYMENT_STATUS_CHANGED", "data": {
                "orderId": format!("order-{order}"), "status": "DONE", "totalAmount": amount}})
            .to_string()
        };
        let hook = async |id: &str, time: &str, body: String| {
            let signature = signed(&body, time);
            let headers = [
                ("content-type", "application/json"),
                ("tosspayments-webhook-transmission-id", id),
                ("tosspayments-webhook-transmission-time", time),
                ("tosspayments-webhook-signature", signature.as_str()),
            ];
            shop.send(Method::POST, path, &headers, Some(body)).await
        };
        let time = now();
        hook("caught", &time, told(total)).await.expect(200);
        let replayed = hook("replayed", &time, told(total)).await;
        assert_eq!(replayed.verdict(), (409, "WEBHOOK_REPLAYED".into()));
        world.audited("payments", "code=WEBHOOK_REPLAYED").await;
        let other_amount = hook("amount", &now(), told(total + 1)).await;
        assert_eq!(other_amount.verdict(), (409, "PAYMENT_MISMATCH".into()));
        world.audited("payments", "code=PAYMENT_MISMATCH").await;

        // What buyers try that they may not leaves a line, too, and nothing else.
        let again = world.pay(&me, order, Some("k")).await;
        assert_eq!(again.verdict(), (406, "ORDER_NOT_PAYABLE".into()));
        let line = |order: i64, code: &str| format!("order.id={order} http.status={code}");
        let not_again = line(order, "406 code=ORDER_NOT_PAYABLE");
        world.audited("orders", &not_again).await;
        let stranger = shop.shopper().await;
        let not_mine = world.pay(&stranger, order, Some("k")).await;
        assert_eq!(not_mine.verdict(), (404, "ORDER_NOT_FOUND".into()));
        let not_his = line(order, "404 code=ORDER_NOT_FOUND");
        world.audited("orders", &not_his).await;
        let too_cheap = line(other, "409 code=PAYMENT_AMOUNT_MISMATCH");
        world.audited("orders", &too_cheap).await;
        assert_eq!(world.moved(order), (vec![total], vec![total]));
    });
}

/// As a relay signs that has the key.
fn signed(body: &str, time: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_KEY.as_bytes()).unwrap();
    mac.update(format!("{body}:{time}").as_bytes());
    format!("v1:{}", BASE64.encode(mac.finalize().into_bytes()))
}

fn now() -> String {
    mall_clock::system().now().to_rfc3339()
}
