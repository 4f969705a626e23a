//! Programs die, and the others go on. One mall, one death after the other, each mended before the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use mall_system_tests::{Person, Reply};
use mall_testkit::{MallUnderTest, eventually};
use reqwest::Method;
use serde_json::json;

use super::malls::{Town, run};
use super::observe::served;

/// Shoppers who ask without a pause.
const CLIENTS: usize = 32;

#[test]
fn what_dies_costs_only_what_needs_it() {
    run(async {
        let builder = MallUnderTest::builder()
            .instances("products", 2)
            .instances("carts", 2)
            .instances("gateway", 2)
            // Only so that the test need not wait for ten seconds after each death.
            .env("*", "RESILIENCE4J_CIRCUITBREAKER_CONFIGS_DEFAULT_WAITDURATIONINOPENSTATE", "1s");
        let town = Arc::new(Town::build(builder).await);
        let world = World { mug: town.mug(1_000_000).await, town };
        world.two_instances_share_the_load().await;
        world.two_gateways_are_one().await;
        world.no_read_is_lost_with_an_instance().await;
        world.only_writes_in_flight_are_lost_with_an_instance().await;
        world.without_orders_people_browse().await;
        world.without_the_registry_all_goes_on().await;
        world.without_the_config_server_all_goes_on().await;
        world.without_stock_nothing_is_ordered_nor_reserved().await;
        world.without_redis_people_browse_and_it_comes_back_by_itself().await;
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
    let wait = reply.headers.get("retry-after").unwrap_or_else(|| panic!("no Retry-After: {reply:?}"));
    assert!(wait.to_str().unwrap().parse::<u64>().is_ok_and(|wait| wait >= 1), "{wait:?}");
    assert!(reply.json()["code"].is_string(), "{reply:?}");
}

impl World {
    async fn browse(&self) {
        self.town.shop.get("/product/allproduct").await.expect(200);
        self.town.shop.get(&format!("/product/detail/{}", self.mug)).await.expect(200);
        self.town.shop.get(&format!("/product/detailStock/{}", self.mug)).await.expect(200);
    }

    /// A whole purchase by somebody new.
    async fn buy(&self) -> Result<(), Reply> {
        let (shop, me, mug) = (&self.town.shop, self.town.mint.shopper(), self.mug);
        let good = |reply: Reply| if reply.status == 200 { Ok(reply) } else { Err(reply) };
        good(shop.ask(Some(&me), Method::POST, &format!("/cart/add/{mug}?count=2"), None).await)?;
        let order = good(shop.ask(Some(&me), Method::POST, "/order/orderCartList", None).await)?;
        let order = order.json()["orderId"].as_i64().unwrap();
        good(shop.pay(&me, order, false, false).await)?;
        let list = good(shop.ask(Some(&me), Method::GET, "/order/orderlist", None).await)?;
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

    async fn two_instances_share_the_load(&self) {
        let shop = &self.town.shop;
        let before = self.shares().await;
        for _ in 0..40 {
            shop.get("/product/allproduct").await.expect(200);
            let somebody = self.town.mint.shopper();
            shop.ask(Some(&somebody), Method::POST, &format!("/cart/add/{}?count=1", self.mug), None).await.expect(200);
        }
        for ((instance, after), before) in self.shares().await.into_iter().zip(before) {
            let share = after - before.1;
            assert!((4.0..=36.0).contains(&share), "{instance} served {share} of 40");
        }
    }

    async fn shares(&self) -> Vec<(&'static str, f64)> {
        let mut shares = Vec::new();
        for (instance, uri) in [
            ("products", "/product/allproduct"),
            ("products-2", "/product/allproduct"),
            ("carts", "/cart/add/{productId}"),
            ("carts-2", "/cart/add/{productId}"),
        ] {
            shares.push((instance, served(&self.town.shop, instance, uri).await));
        }
        shares
    }

    /// Who logs out at one gateway is out at the other, too.
    async fn two_gateways_are_one(&self) {
        let shop = &self.town.shop;
        let person = self.town.shop.admin().await;
        let bearer = format!("Bearer {}", person.access);
        let (headers, path) = ([("authorization", bearer.as_str())], "/admin/orders/1");
        let gateways = shop.mall.urls("gateway");
        assert_eq!(gateways.len(), 2);
        for gateway in &gateways {
            let reply = shop.send_to(gateway, Method::GET, path, &headers, None).await;
            assert_eq!(reply.verdict(), (404, "ORDER_NOT_FOUND".into()), "{gateway}");
        }
        shop.send_to(&gateways[1], Method::POST, "/auth/logout", &headers, None).await.expect(200);
        for gateway in &gateways {
            let reply = shop.send_to(gateway, Method::GET, path, &headers, None).await;
            assert_eq!(reply.verdict(), (401, "SESSION_ENDED".into()), "{gateway}");
        }
    }

    /// Runs `ask` by all clients without a pause; `meanwhile` after a hundred answers, then three hundred more.
    async fn stream<F, A>(&self, ask: F, meanwhile: impl Future<Output = ()>) -> Vec<A>
    where
        F: Fn(Arc<Town>, usize) -> std::pin::Pin<Box<dyn Future<Output = A> + Send>> + Clone + Send + 'static,
        A: Send + 'static,
    {
        let (count, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (ask, count, enough) = (ask.clone(), Arc::clone(&count), Arc::clone(&enough));
                let town = Arc::clone(&self.town);
                tokio::spawn(async move {
                    let mut answers = Vec::new();
                    while !enough.load(Ordering::Relaxed) {
                        let number = count.fetch_add(1, Ordering::Relaxed);
                        answers.push(ask(Arc::clone(&town), number).await);
                    }
                    answers
                })
            })
            .collect();
        let reached = |more: usize| {
            let (count, from) = (Arc::clone(&count), count.load(Ordering::Relaxed));
            eventually(Duration::from_secs(30), move || {
                let seen = count.load(Ordering::Relaxed);
                async move { if seen >= from + more { Ok(()) } else { Err(seen) } }
            })
        };
        reached(100).await;
        meanwhile.await;
        reached(300).await;
        enough.store(true, Ordering::Relaxed);
        join_all(clients).await.into_iter().flat_map(Result::unwrap).collect()
    }

    async fn no_read_is_lost_with_an_instance(&self) {
        let mug = self.mug;
        let me = self.town.mint.shopper();
        let add = format!("/cart/add/{mug}?count=1");
        self.town.shop.ask(Some(&me), Method::POST, &add, None).await.expect(200);
        // A cart is read from carts, which asks products: an instance may die before or behind another service.
        for (victim, in_three) in [("products-2", 1), ("carts", 1), ("products", 3), ("carts-2", 3)] {
            let me = me.clone();
            let ask = move |town: Arc<Town>, number: usize| {
                let me = me.clone();
                Box::pin(async move {
                    match number % 3 {
                        number if number < in_three => town.shop.ask(Some(&me), Method::GET, "/cart/getCart", None).await,
                        1 => town.shop.get("/product/allproduct").await,
                        _ => town.shop.get(&format!("/product/detail/{mug}")).await,
                    }
                }) as std::pin::Pin<Box<dyn Future<Output = Reply> + Send>>
            };
            let replies = self.stream(ask, self.town.shop.mall.kill(victim)).await;
            let lost: Vec<&Reply> = replies.iter().filter(|reply| reply.status != 200).collect();
            assert!(lost.is_empty(), "{} of {} reads were lost with {victim}: {:?}", lost.len(), replies.len(), lost[0]);
            self.mended(victim).await;
        }
    }

    async fn only_writes_in_flight_are_lost_with_an_instance(&self) {
        let mug = self.mug;
        let ask = move |town: Arc<Town>, _: usize| {
            Box::pin(async move {
                let me = town.mint.shopper();
                let reply = town.shop.ask(Some(&me), Method::POST, &format!("/cart/add/{mug}?count=1"), None).await;
                (me, reply)
            }) as std::pin::Pin<Box<dyn Future<Output = (Person, Reply)> + Send>>
        };
        let answers = self.stream(ask, self.town.shop.mall.kill("carts-2")).await;
        let (done, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, reply)| reply.status == 200);
        for (_, reply) in &lost {
            is_away(reply);
        }
        assert!(lost.len() <= CLIENTS, "{} writes were lost, and only {CLIENTS} were in flight", lost.len());
        // What was said to be done is there.
        self.mended("carts-2").await;
        for (me, reply) in &done {
            let cart = self.town.shop.ask(Some(me), Method::GET, "/cart/getCart", None).await.expect(200).json();
            assert_eq!(cart[0]["cartId"], reply.json()["cartId"]);
        }
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
        shop.ask(Some(&me), Method::POST, &add, None).await.expect(200);
        self.mended("orders").await;
    }

    async fn without_the_registry_all_goes_on(&self) {
        let shop = &self.town.shop;
        let orders = shop.mall.url("orders");
        shop.mall.kill("registry").await;
        self.buy().await.unwrap();
        // Until every lease, had it been in the registry, would be over.
        eventually(Duration::from_secs(20), || async {
            let health = shop.send_to(&orders, Method::GET, "/actuator/health", &[], None).await.expect(200).json();
            let age = health["components"]["discoveryComposite"]["details"]["lastFetchAgeSeconds"].as_i64();
            if age.is_some_and(|age| age >= 5) { Ok(()) } else { Err(health) }
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
        shop.ask(Some(&me), Method::POST, &format!("/cart/add/{}?count=1", self.mug), None).await.expect(200);
        for _ in 0..15 {
            is_away(&shop.order(&me, self.mug, 1).await);
        }
        is_away(&shop.ask(Some(&me), Method::POST, "/order/orderCartList", None).await);
        shop.get("/product/allproduct").await.expect(200);
        is_away(&shop.get(&format!("/product/detailStock/{}", self.mug)).await);
        let cart = shop.ask(Some(&me), Method::GET, "/cart/getCart", None).await.expect(200).json();
        assert_eq!(cart.as_array().map(Vec::len), Some(1), "a cart that could not be ordered stays");

        shop.mall.restart("stock").await.unwrap();
        shop.mall.wait_healthy().await.unwrap();
        // Whatever may have been asked of it is given back.
        books.quiet().await;
        assert_eq!(books.stock(self.mug).await, before);
        assert_eq!(books.number(counts).await, orders);
        eventually(Duration::from_secs(20), || self.buy()).await;
        let order = eventually(Duration::from_secs(20), || async {
            let reply = shop.ask(Some(&me), Method::POST, "/order/orderCartList", None).await;
            if reply.status == 200 { Ok(reply) } else { Err(reply) }
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
        assert_eq!(shop.stock(self.mug).await, before.available, "MySQL knows, too");

        shop.mall.restart("redis").await.unwrap();
        eventually(Duration::from_secs(20), || self.buy()).await;
        eventually(Duration::from_secs(20), || async {
            let reply = self.logs_in().await;
            if reply.status == 200 { Ok(()) } else { Err(reply) }
        })
        .await;
        let person = shop.shopper().await;
        shop.order(&person, self.mug, 1).await.expect(200);
        books.quiet().await;
        assert_eq!(books.hot_count(self.mug).await, Some(books.stock(self.mug).await.available));
        assert_eq!(self.programs().await, programs, "no program was started anew");
        let healthy = shop.mall.status().await;
        assert!(healthy.iter().all(|program| program.state == "UP"), "{healthy:?}");
        shop.ask(Some(&person), Method::PUT, "/user/mypage/update", Some(json!({"address": "a"}))).await.expect(200);
    }

    async fn programs(&self) -> Vec<(String, Option<u32>)> {
        self.town.shop.mall.status().await.into_iter().map(|program| (program.name, program.pid)).collect()
    }
}
