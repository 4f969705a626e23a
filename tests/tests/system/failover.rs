//! Programs die, and the others go on. One mall, one death after the other, each mended before the next.

mod instances;

use std::sync::Arc;
use std::time::Duration;

use mall_system_tests::Reply;
use mall_testkit::{MallUnderTest, eventually};
use reqwest::Method;
use serde_json::json;

use super::malls::{Town, run};

#[test]
fn what_dies_costs_only_what_needs_it() {
    run(async {
        let builder = MallUnderTest::builder()
            .instances("products", 2)
            .instances("carts", 2)
            .instances("gateway", 2)
            // Only so that the test need not wait for ten seconds after each death.
            .env(
                "*",
                "RESILIENCE4J_CIRCUITBREAKER_CONFIGS_DEFAULT_WAITDURATIONINOPENSTATE",
                "1s",
            );
        let town = Arc::new(Town::build(builder).await);
        let world = World {
            mug: town.mug(1_000_000).await,
            town,
        };
        world.two_instances_share_the_load().await;
        world.two_gateways_are_one().await;
        world.no_read_is_lost_with_an_instance().await;
        world
            .only_writes_in_flight_are_lost_with_an_instance()
            .await;
        world.without_orders_people_browse().await;
        world.without_the_registry_all_goes_on().await;
        world.without_the_config_server_all_goes_on().await;
        world.without_stock_nothing_is_ordered_nor_reserved().await;
        world
            .without_redis_people_browse_and_it_comes_back_by_itself()
            .await;
    });
}

struct World {
    town: Arc<Town>,
    mug: i64,
}

/// A 503 that says when to come back.
#[track_caller]
fn is_away(reply: &Reply) {
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(reply.content_type(), "application/problem+json");
    let wait = reply
        .headers
        .get("retry-after")
        .unwrap_or_else(|| panic!("no Retry-After: {reply:?}"));
    assert!(
        wait.to_str()
            .unwrap()
            .parse::<u64>()
            .is_ok_and(|wait| wait >= 1),
        "{wait:?}"
    );
    assert!(reply.json()["code"].is_string(), "{reply:?}");
}

impl World {
    async fn browse(&self) {
        self.town.shop.get("/product/allproduct").await.expect(200);
        self.town
            .shop
            .get(&format!("/product/detail/{}", self.mug))
            .await
            .expect(200);
        self.town
            .shop
            .get(&format!("/product/detailStock/{}", self.mug))
            .await
            .expect(200);
    }

    /// A whole purchase by somebody new.
    async fn buy(&self) -> Result<(), String> {
        let (shop, me, mug) = (&self.town.shop, self.town.mint.shopper(), self.mug);
        let good = |reply: Reply| {
            if reply.status == 200 {
                Ok(reply)
            } else {
                Err(format!("{reply:?}"))
            }
        };
        good(
            shop.ask(
                Some(&me),
                Method::POST,
                &format!("/cart/add/{mug}?count=2"),
                None,
            )
            .await,
        )?;
        let order = good(
            shop.ask(Some(&me), Method::POST, "/order/orderCartList", None)
                .await,
        )?;
        let order = order.json()["orderId"].as_i64().unwrap();
        good(shop.pay(&me, order, false, false).await)?;
        let list = good(
            shop.ask(Some(&me), Method::GET, "/order/orderlist", None)
                .await,
        )?;
        assert_eq!(list.json()[0]["orderStatus"], "ORDER_COMPLETE");
        Ok(())
    }

    async fn logs_in(&self) -> Reply {
        let admin = self.town.shop.mall.admin().clone();
        self.town.shop.log_in(&admin.email, &admin.password).await
    }

    /// Back, and seen by everybody: what was shut is open again.
    async fn mended(&self, name: &str) {
        self.town.shop.mall.restart(name).await.unwrap();
        self.town.shop.mall.wait_healthy().await.unwrap();
        eventually(Duration::from_secs(20), || self.buy()).await;
    }

    async fn without_orders_people_browse(&self) {
        let shop = &self.town.shop;
        shop.mall.kill("orders").await;
        let me = self.town.mint.shopper();
        for _ in 0..20 {
            is_away(&shop.order(&me, self.mug, 1).await);
            self.browse().await;
        }
        let add = format!("/cart/add/{}?count=1", self.mug);
        shop.ask(Some(&me), Method::POST, &add, None)
            .await
            .expect(200);
        self.mended("orders").await;
    }

    async fn without_the_registry_all_goes_on(&self) {
        let shop = &self.town.shop;
        let orders = shop.mall.url("orders");
        shop.mall.kill("registry").await;
        self.buy().await.unwrap();
        // Until every lease, had it been in the registry, would be over.
        eventually(Duration::from_secs(20), || async {
            let health = shop
                .send_to(&orders, Method::GET, "/actuator/health", &[], None)
                .await
                .expect(200)
                .json();
            let age = health["components"]["discoveryComposite"]["details"]["lastFetchAgeSeconds"]
                .as_i64();
            if age.is_some_and(|age| age >= 5) {
                Ok(())
            } else {
                Err(health)
            }
        })
        .await;
        for _ in 0..10 {
            self.buy().await.unwrap();
            self.browse().await;
        }
        self.mended("registry").await;
    }

    async fn without_the_config_server_all_goes_on(&self) {
        self.town.shop.mall.kill("config-server").await;
        for _ in 0..5 {
            self.buy().await.unwrap();
            self.browse().await;
        }
        self.logs_in().await.expect(200);
        self.town.shop.shopper().await;
        self.mended("config-server").await;
    }

    async fn without_stock_nothing_is_ordered_nor_reserved(&self) {
        let (shop, books) = (&self.town.shop, &self.town.books);
        books.quiet().await;
        let before = books.stock(self.mug).await;
        let counts = "SELECT (SELECT COUNT(*) FROM mall_orders.orders) + (SELECT COUNT(*) FROM mall_stock.reservation \
                      WHERE state <> 'RELEASED')";
        let orders = books.number(counts).await;
        shop.mall.kill("stock").await;
        let me = self.town.mint.shopper();
        shop.ask(
            Some(&me),
            Method::POST,
            &format!("/cart/add/{}?count=1", self.mug),
            None,
        )
        .await
        .expect(200);
        for _ in 0..15 {
            is_away(&shop.order(&me, self.mug, 1).await);
        }
        is_away(
            &shop
                .ask(Some(&me), Method::POST, "/order/orderCartList", None)
                .await,
        );
        shop.get("/product/allproduct").await.expect(200);
        is_away(
            &shop
                .get(&format!("/product/detailStock/{}", self.mug))
                .await,
        );
        let cart = shop
            .ask(Some(&me), Method::GET, "/cart/getCart", None)
            .await
            .expect(200)
            .json();
        assert_eq!(
            cart.as_array().map(Vec::len),
            Some(1),
            "a cart that could not be ordered stays"
        );

        shop.mall.restart("stock").await.unwrap();
        shop.mall.wait_healthy().await.unwrap();
        // Whatever may have been asked of it is given back.
        books.quiet().await;
        assert_eq!(books.stock(self.mug).await, before);
        assert_eq!(books.number(counts).await, orders);
        eventually(Duration::from_secs(20), || self.buy()).await;
        let order = eventually(Duration::from_secs(20), || async {
            let reply = shop
                .ask(Some(&me), Method::POST, "/order/orderCartList", None)
                .await;
            if reply.status == 200 {
                Ok(reply)
            } else {
                Err(reply)
            }
        });
        assert!(order.await.json()["orderId"].is_i64());
    }

    async fn without_redis_people_browse_and_it_comes_back_by_itself(&self) {
        let (shop, books) = (&self.town.shop, &self.town.books);
        books.quiet().await;
        let before = books.stock(self.mug).await;
        let programs = self.programs().await;
        let me = self.town.mint.shopper();
        shop.mall.kill("redis").await;
        for (method, path) in [
            (Method::GET, "/cart/getCart".to_owned()),
            (Method::GET, "/order/orderlist".to_owned()),
            (Method::POST, format!("/cart/add/{}?count=1", self.mug)),
            (Method::POST, "/order/orderCartList".to_owned()),
            (Method::GET, "/wish/list".to_owned()),
        ] {
            is_away(&shop.ask(Some(&me), method, &path, None).await);
        }
        is_away(&shop.order(&me, self.mug, 1).await);
        is_away(&self.logs_in().await);
        for _ in 0..5 {
            self.browse().await;
        }
        assert_eq!(
            shop.stock(self.mug).await,
            before.available,
            "MySQL knows, too"
        );

        shop.mall.restart("redis").await.unwrap();
        eventually(Duration::from_secs(20), || self.buy()).await;
        eventually(Duration::from_secs(20), || async {
            let reply = self.logs_in().await;
            if reply.status == 200 {
                Ok(())
            } else {
                Err(reply)
            }
        })
        .await;
        let person = shop.shopper().await;
        shop.order(&person, self.mug, 1).await.expect(200);
        books.quiet().await;
        assert_eq!(
            books.hot_count(self.mug).await,
            Some(books.stock(self.mug).await.available)
        );
        assert_eq!(
            self.programs().await,
            programs,
            "no program was started anew"
        );
        let healthy = shop.mall.status().await;
        assert!(
            healthy.iter().all(|program| program.state == "UP"),
            "{healthy:?}"
        );
        shop.ask(
            Some(&person),
            Method::PUT,
            "/user/mypage/update",
            Some(json!({"address": "a"})),
        )
        .await
        .expect(200);
    }

    async fn programs(&self) -> Vec<(String, Option<u32>)> {
        self.town
            .shop
            .mall
            .status()
            .await
            .into_iter()
            .map(|program| (program.name, program.pid))
            .collect()
    }
}
