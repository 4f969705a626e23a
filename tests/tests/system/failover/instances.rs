//! One of two instances dies under load.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use mall_system_tests::{Person, Reply};
use mall_testkit::eventually;
use reqwest::Method;

use super::{World, is_away};
use crate::malls::Town;
use crate::observe::served;

/// Shoppers who ask without a pause.
const CLIENTS: usize = 32;

type Asking<A> = Pin<Box<dyn Future<Output = A> + Send>>;

impl World {
    pub(super) async fn two_instances_share_the_load(&self) {
        let shop = &self.town.shop;
        let before = self.shares().await;
        for _ in 0..40 {
            shop.get("/product/allproduct").await.expect(200);
            let somebody = self.town.mint.shopper();
            shop.ask(
                Some(&somebody),
                Method::POST,
                &format!("/cart/add/{}?count=1", self.mug),
                None,
            )
            .await
            .expect(200);
        }
        for ((instance, after), before) in self.shares().await.into_iter().zip(before) {
            let share = after - before.1;
            assert!(
                (4.0..=36.0).contains(&share),
                "{instance} served {share} of 40"
            );
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
    pub(super) async fn two_gateways_are_one(&self) {
        let shop = &self.town.shop;
        let person = self.town.shop.admin().await;
        let bearer = format!("Bearer {}", person.access);
        let (headers, path) = ([("authorization", bearer.as_str())], "/admin/orders/1");
        let gateways = shop.mall.urls("gateway");
        assert_eq!(gateways.len(), 2);
        for gateway in &gateways {
            let reply = shop
                .send_to(gateway, Method::GET, path, &headers, None)
                .await;
            assert_eq!(
                reply.verdict(),
                (404, "ORDER_NOT_FOUND".into()),
                "{gateway}"
            );
        }
        shop.send_to(&gateways[1], Method::POST, "/auth/logout", &headers, None)
            .await
            .expect(200);
        for gateway in &gateways {
            let reply = shop
                .send_to(gateway, Method::GET, path, &headers, None)
                .await;
            assert_eq!(reply.verdict(), (401, "SESSION_ENDED".into()), "{gateway}");
        }
    }

    /// Runs `ask` by all clients without a pause; `meanwhile` after a hundred answers, then three hundred more.
    async fn stream<F, A>(&self, ask: F, meanwhile: impl Future<Output = ()>) -> Vec<A>
    where
        F: Fn(Arc<Town>, usize) -> Asking<A> + Clone + Send + 'static,
        A: Send + 'static,
    {
        let (count, enough) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
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
                async move {
                    if seen >= from + more {
                        Ok(())
                    } else {
                        Err(seen)
                    }
                }
            })
        };
        reached(100).await;
        meanwhile.await;
        reached(300).await;
        enough.store(true, Ordering::Relaxed);
        join_all(clients)
            .await
            .into_iter()
            .flat_map(Result::unwrap)
            .collect()
    }

    pub(super) async fn no_read_is_lost_with_an_instance(&self) {
        let mug = self.mug;
        let me = self.town.mint.shopper();
        let add = format!("/cart/add/{mug}?count=1");
        self.town
            .shop
            .ask(Some(&me), Method::POST, &add, None)
            .await
            .expect(200);
        // A cart is read from carts, which asks products: an instance may die before or behind another service.
        for (victim, in_three) in [
            ("products-2", 1),
            ("carts", 1),
            ("products", 3),
            ("carts-2", 3),
        ] {
            let me = me.clone();
            let ask = move |town: Arc<Town>, number: usize| {
                let me = me.clone();
                Box::pin(async move {
                    match number % 3 {
                        number if number < in_three => {
                            town.shop
                                .ask(Some(&me), Method::GET, "/cart/getCart", None)
                                .await
                        }
                        1 => town.shop.get("/product/allproduct").await,
                        _ => town.shop.get(&format!("/product/detail/{mug}")).await,
                    }
                }) as Asking<Reply>
            };
            let replies = self.stream(ask, self.town.shop.mall.kill(victim)).await;
            let lost: Vec<&Reply> = replies.iter().filter(|reply| reply.status != 200).collect();
            assert!(
                lost.is_empty(),
                "{} of {} reads were lost with {victim}: {:?}",
                lost.len(),
                replies.len(),
                lost[0]
            );
            self.mended(victim).await;
        }
    }

    pub(super) async fn only_writes_in_flight_are_lost_with_an_instance(&self) {
        let mug = self.mug;
        let ask = move |town: Arc<Town>, _: usize| {
            Box::pin(async move {
                let me = town.mint.shopper();
                let reply = town
                    .shop
                    .ask(
                        Some(&me),
                        Method::POST,
                        &format!("/cart/add/{mug}?count=1"),
                        None,
                    )
                    .await;
                (me, reply)
            }) as Asking<(Person, Reply)>
        };
        let answers = self.stream(ask, self.town.shop.mall.kill("carts-2")).await;
        let (done, lost): (Vec<_>, Vec<_>) = answers
            .into_iter()
            .partition(|(_, reply)| reply.status == 200);
        for (_, reply) in &lost {
            is_away(reply);
        }
        assert!(
            lost.len() <= CLIENTS,
            "{} writes were lost, and only {CLIENTS} were in flight",
            lost.len()
        );
        // What was said to be done is there.
        self.mended("carts-2").await;
        for (me, reply) in &done {
            let cart = self
                .town
                .shop
                .ask(Some(me), Method::GET, "/cart/getCart", None)
                .await
                .expect(200)
                .json();
            assert_eq!(cart[0]["cartId"], reply.json()["cartId"]);
        }
    }
}
