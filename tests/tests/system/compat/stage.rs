//! Brings the mall into the state that an exchange's name tells, and words the request for it.

mod outages;
mod words;

use mall_system_tests::mint::{Mint, claims_of, now};
use mall_system_tests::{Person, Shop};
use reqwest::Method;
use serde_json::{Value, json};

use super::exchange::Exchange;
use words::{put_email, tampered, unsigned, with_id, with_product};

/// A request as it will be sent.
pub struct Request {
    /// Of a service itself, else of the gateway.
    pub base: Option<String>,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

/// The mall and the people of the exchanges.
pub struct Stage {
    pub shop: Shop,
    pub admin: Person,
    visitor: Person,
    mysql: sqlx::MySqlPool,
    mint: Mint,
}

// Statuses as orders stores them.
const ORDER_COMPLETE: i8 = 0;
const SHIPPING: i8 = 3;
const FINISH_SHIPPING: i8 = 4;

impl Stage {
    pub async fn set() -> Stage {
        let shop = Shop::open().await;
        let admin = shop.admin().await;
        let mysql = sqlx::MySqlPool::connect(&shop.mall.mysql_url())
            .await
            .unwrap();
        let mint = Mint::of(&shop).await;
        let visitor = shop.shopper().await;
        Stage {
            shop,
            admin,
            visitor,
            mysql,
            mint,
        }
    }

    async fn sql(&self, statement: String) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&self.mysql)
            .await
            .unwrap();
    }

    async fn mug(&self, stock: i64) -> i64 {
        self.shop.mug(&self.admin, stock).await
    }

    async fn limited(&self, opens: Value) -> i64 {
        let body = json!({
            "name": "Mug", "price": 5000, "stock": 10, "description": "d", "imageUrl": "https://img.example/m.png",
            "imageName": "m", "isLimitedEdition": true, "openDateTime": opens,
        });
        self.shop.add_product(&self.admin, body).await
    }

    async fn in_cart(&self, who: &Person, product: i64, count: i64) -> i64 {
        let path = format!("/cart/add/{product}?count={count}");
        let reply = self
            .shop
            .ask(Some(who), Method::POST, &path, None)
            .await
            .expect(200);
        reply.json()["cartId"].as_i64().unwrap()
    }

    /// An order of `who` that is paid, then moved on by hand.
    async fn order_in(&self, who: &Person, status: i8) -> i64 {
        let product = self.mug(10).await;
        let order = self.shop.ordered(who, product, 2).await;
        self.shop.pay(who, order, false, false).await.expect(200);
        if status != ORDER_COMPLETE {
            self.sql(format!(
                "UPDATE mall_orders.orders SET status = {status} WHERE id = {order}"
            ))
            .await;
        }
        order
    }

    async fn waiting(&self, who: &Person) -> i64 {
        let product = self.mug(10).await;
        self.shop.ordered(who, product, 2).await
    }

    /// Takes a product away behind everybody's back.
    async fn vanish(&self, product: i64) {
        self.sql(format!(
            "DELETE FROM mall_products.product_image WHERE product_id = {product}; \
             DELETE FROM mall_products.product WHERE product_id = {product}"
        ))
        .await;
    }

    /// A product that was taken away after `who` had it in mind.
    async fn wished_then_gone(&self, who: &Person) {
        let product = self.mug(10).await;
        self.shop
            .ask(
                Some(who),
                Method::POST,
                &format!("/wish/add/{product}"),
                None,
            )
            .await
            .expect(200);
        self.vanish(product).await;
    }

    /// Sets the stage for an exchange.
    pub async fn prepare(&self, exchange: &Exchange) -> Request {
        let shop = &self.shop;
        // Signing up takes a while: an exchange that does nothing to its people shares them.
        let says = |mark: &str| {
            exchange
                .headers
                .iter()
                .any(|(_, value)| value.contains(mark))
        };
        let own = says("<") || exchange.path.starts_with("/auth/");
        let me = if own {
            shop.shopper().await
        } else {
            self.visitor.clone()
        };
        let other = if says("other user") {
            shop.shopper().await
        } else {
            self.visitor.clone()
        };
        let mut path = exchange.path.clone();
        let mut base = None;
        let mut body = exchange.body.clone();
        let mut key = None;
        let mut email = me.email.clone();
        let mut refresh = me.refresh.clone();
        let mut others = other.access.clone();

        match exchange.name.as_str() {
            "product list; all headers as the gateway answers"
            | "public path with a rubbish token"
            | "HEAD" => {
                self.mug(10).await;
            }
            "signup" | "signup without an optional field: 500, nothing stored" => {
                email = shop.fresh_email()
            }
            "signup, mail server down: account is saved all the same" => {
                shop.mall.set_mail_away(true);
                email = shop.fresh_email();
            }
            "signup, e-mail without a dot in the domain is accepted" => {}
            "verification"
            | "verification, expired key"
            | "verification, same key again within its 10 minutes" => {
                let email = shop.fresh_email();
                shop.sign_up(&email).await.expect(200);
                let fresh = shop.key_from_mail(&email, 0).await;
                match exchange.name.as_str() {
                    "verification, expired key" => self.expire_keys().await,
                    "verification" => {}
                    _ => drop(shop.verify(&fresh).await.expect(200)),
                }
                key = Some(fresh);
            }
            "login, not verified (checked before the password)" => {
                email = shop.fresh_email();
                shop.sign_up(&email).await.expect(200);
            }
            "login, e-mail is case-sensitive" => email = me.email.to_uppercase(),
            "login as admin" => {
                let admin = shop.mall.admin();
                body = Some(json!({"email": admin.email, "password": admin.password}));
            }
            "refresh, expired token" => {
                let mut claims = claims_of(&me.refresh);
                claims["exp"] = json!(now() - 10);
                refresh = self.mint.token(&claims);
            }
            "refresh with the access token in the cookie" => {}
            "refresh after logout" | "access token after logout still works" => {
                shop.ask(Some(&me), Method::POST, "/auth/logout", None)
                    .await
                    .expect(200);
            }
            "logout without the X-TOKEN header that the gateway adds (asked of user-service itself)" =>
            {
                base = Some(shop.mall.url("users"));
            }
            "my page, no such user" => {
                let mut claims = claims_of(&other.access);
                claims["sub"] = json!("999999");
                others = self.mint.token(&claims);
            }
            "wish add" => path = with_id(&path, self.mug(10).await),
            "wish add, twice" | "wish delete" => {
                let product = self.mug(10).await;
                shop.ask(
                    Some(&me),
                    Method::POST,
                    &format!("/wish/add/{product}"),
                    None,
                )
                .await
                .expect(200);
                path = with_id(&path, product);
            }
            "wish list with an unknown product (about 1 s: 3 attempts)" => {
                self.wished_then_gone(&me).await
            }
            "wish list" => {
                let product = self.mug(10).await;
                shop.ask(
                    Some(&me),
                    Method::POST,
                    &format!("/wish/add/{product}"),
                    None,
                )
                .await
                .expect(200);
            }
            "wish delete, not in the list" => path = with_id(&path, self.mug(10).await),
            "product add, name longer than 255" => {
                body = Some(
                    json!({"name": "n".repeat(300), "price": 1, "stock": 1, "isLimitedEdition": false}),
                );
            }
            "detail of a product added without isLimitedEdition" => {
                let product = json!({"name": "x", "price": 1, "description": "x", "imageUrl": "x", "imageName": "x"});
                path = with_id(&path, shop.add_product(&self.admin, product).await);
            }
            "its detail: stock 0, array of 5 numbers" => {
                path = with_id(&path, self.limited(json!("2027-05-01T10:00")).await);
            }
            "its detail: array of 6 numbers" => {
                path = with_id(&path, self.limited(json!([2027, 5, 1, 10, 0, 5])).await);
            }
            "its detail: limited without a time" => path = with_id(&path, 888_888),
            "detail, opening time has passed" => {
                path = with_id(&path, self.limited(json!("2020-01-01T00:00")).await)
            }
            "detail, not limited: the given time is not shown" => {
                let product = json!({
                    "name": "Mug", "price": 5000, "stock": 10, "description": "d", "imageUrl": "https://img.example/m.png",
                    "imageName": "m", "isLimitedEdition": false, "openDateTime": "2027-05-01T10:00",
                });
                path = with_id(&path, shop.add_product(&self.admin, product).await);
            }
            "detail"
            | "detail, slash at the end"
            | "stock"
            | "product edit"
            | "admin path as user"
            | "product edit, image without isThumbnail"
            | "product edit, image as thumbnail" => {
                path = with_id(&path, self.mug(10).await);
            }
            "stock after it: name gone" => {
                let product = self.mug(10).await;
                shop.ordered(&me, product, 2).await;
                path = with_id(&path, product);
            }
            "stock after it: below zero" => {
                let product = self.mug(10).await;
                shop.order(&me, product, 100).await.expect(409);
                path = with_id(&path, product);
            }
            "stock of a product that never had any, after five sold-out orders of one piece expired" =>
            {
                let product = self.mug(0).await;
                for _ in 0..5 {
                    shop.order(&me, product, 1).await.expect(409);
                }
                path = with_id(&path, product);
            }
            "cart add" | "cart add, count absent" | "cart add, negative" => {
                path = with_id(&path, self.mug(10).await)
            }
            "cart add, twice" => {
                let product = self.mug(10).await;
                self.in_cart(&me, product, 2).await;
                path = with_id(&path, product);
            }
            "cart" | "own X-Authorization-Id beside a token: the gateway replaces it" => {
                let product = self.mug(10).await;
                self.in_cart(&me, product, 2).await;
            }
            "cart update" | "cart update, other user's line" | "cart delete, other user's line" => {
                let product = self.mug(10).await;
                path = with_id(&path, self.in_cart(&me, product, 2).await);
            }
            "cart delete, unknown" => path = with_id(&path, 999_999),
            "cart with a product that is gone" => {
                let product = self.mug(10).await;
                self.in_cart(&me, product, 1).await;
                self.vanish(product).await;
            }
            "order"
            | "order, quantity absent is 0"
            | "order, negative quantity adds stock"
            | "order, unknown field" => {
                body = with_product(body, self.mug(10).await);
            }
            "order, sold out (stock 0): made, nothing taken" => {
                body = with_product(body, self.mug(0).await)
            }
            "order, more than there is" => body = with_product(body, self.mug(10).await),
            "order, limited edition before its time" => {
                body = with_product(body, self.limited(json!("2099-01-01T10:00")).await);
            }
            "order without the X-Authorization-Id header that the gateway adds (asked of order-service itself)" =>
            {
                base = Some(shop.mall.url("orders"));
            }
            "order list, none (asked of order-service itself)" => {
                base = Some(shop.mall.url("orders"))
            }
            "order while the breaker for products is open: made, stock not taken" => {
                let product = self.mug(10).await;
                shop.mall.kill("products").await;
                body = with_product(body, product);
            }
            "order list while the breaker is open" => {
                self.order_in(&me, ORDER_COMPLETE).await;
                shop.mall.kill("products").await;
            }
            "cart order" => {
                let product = self.mug(10).await;
                self.in_cart(&me, product, 2).await;
            }
            "cart order, one line sold out: made, no stock taken for any line, cart emptied" => {
                let (plenty, none) = (self.mug(10).await, self.mug(0).await);
                self.in_cart(&me, plenty, 1).await;
                self.in_cart(&me, none, 1).await;
            }
            "pay"
            | "pay, other user's order"
            | "pay, limit exceeded: stock returned, state stays WAITING_PAYING"
            | "pay, cancelled"
            | "pay, only isCanceled true"
            | "pay, empty object"
            | "pay, text and number as boolean"
            | "pay under Accept: application/json: labelled JSON, body is bare text" => {
                path = with_id(&path, self.waiting(&me).await);
            }
            "pay, cancelled, state SHIPPING: ORDER_CANCEL, stock returned" => {
                path = with_id(&path, self.order_in(&me, SHIPPING).await);
            }
            "order list, newest first"
            | "order list: array of 5, of 7 (microseconds stored by hand), of 6 numbers; order without lines" =>
            {
                self.order_in(&me, ORDER_COMPLETE).await;
                self.order_in(&me, ORDER_COMPLETE).await;
            }
            "order list with an unknown product (about 1.5 s)" => {
                let product = self.mug(10).await;
                let order = shop.ordered(&me, product, 2).await;
                shop.pay(&me, order, false, false).await.expect(200);
                self.vanish(product).await;
            }
            "order list with an order whose productId is null" => {
                shop.ask(
                    Some(&me),
                    Method::POST,
                    "/order/orderProduct",
                    Some(json!({})),
                )
                .await
                .expect(400);
            }
            "cancel, ORDER_COMPLETE"
            | "cancel, other user's order"
            | "refund, ORDER_COMPLETE; the same in every state but FINISH_SHIPPING" => {
                path = with_id(&path, self.order_in(&me, ORDER_COMPLETE).await);
            }
            "cancel, SHIPPING; the same in every state but ORDER_COMPLETE" => {
                path = with_id(&path, self.order_in(&me, SHIPPING).await);
            }
            "refund, FINISH_SHIPPING" => {
                path = with_id(&path, self.order_in(&me, FINISH_SHIPPING).await)
            }
            // Everything else needs no more than the people.
            _ => {}
        }

        if let Some(key) = key {
            path = path.replace("<key from the mail>", &key);
        }
        let claims = claims_of(&me.access);
        let mut expired = claims.clone();
        expired["iat"] = json!(now() - 7200);
        expired["exp"] = json!(now() - 3600);
        let mut endless = claims.clone();
        endless.as_object_mut().unwrap().remove("exp");
        let put = |text: &str| {
            text.replace("<expired access token>", &self.mint.token(&expired))
                .replace("<expired refresh token>", &refresh)
                .replace("<refresh token>", &refresh)
                .replace("<admin access token>", &self.admin.access)
                .replace("<other user's access token>", &others)
                .replace("<unsigned token>", &unsigned(&claims))
                .replace("<tampered token>", &tampered(&me.access))
                .replace("<token without exp>", &self.mint.token(&endless))
                .replace("<access token>", &me.access)
        };
        let mut headers: Vec<(String, String)> = exchange
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), put(value)))
            .collect();
        let body = body.map(|body| match body {
            Value::String(text) => text.replace("kim@mall.example", &email),
            mut body => {
                put_email(&mut body, &email, exchange);
                body.to_string()
            }
        });
        if body.is_some()
            && !headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        Request {
            base,
            path,
            headers,
            body,
        }
    }
}
