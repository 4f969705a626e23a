//! Brings the mall into the state that an exchange's name tells, and words the request for it.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use hmac::{Hmac, KeyInit, Mac};
use mall_system_tests::{PASSWORD, Person, Shop};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use super::exchange::Exchange;

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
    secret: String,
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
        let secret = jwt_secret(&shop).await;
        let visitor = shop.shopper().await;
        Stage {
            shop,
            admin,
            visitor,
            mysql,
            secret,
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

    /// A token signed with the mall's key, whatever it claims.
    fn token(&self, header: &Value, claims: &Value) -> String {
        let text = format!(
            "{}.{}",
            B64.encode(header.to_string()),
            B64.encode(claims.to_string())
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(text.as_bytes());
        format!("{text}.{}", B64.encode(mac.finalize().into_bytes()))
    }

    fn claims(&self, person: &Person) -> Value {
        let payload = person.access.split('.').nth(1).unwrap();
        serde_json::from_slice(&B64.decode(payload).unwrap()).unwrap()
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
                let mut claims = self.refresh_claims(&me);
                claims["exp"] = json!(now() - 10);
                refresh = self.token(&json!({"alg": "HS256"}), &claims);
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
                let mut claims = self.claims(&other);
                claims["sub"] = json!("999999");
                others = self.token(&json!({"alg": "HS256"}), &claims);
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
        let claims = self.claims(&me);
        let mut expired = claims.clone();
        expired["iat"] = json!(now() - 7200);
        expired["exp"] = json!(now() - 3600);
        let mut endless = claims.clone();
        endless.as_object_mut().unwrap().remove("exp");
        let unsigned = format!(
            "{}.{}.",
            B64.encode(r#"{"alg":"none"}"#),
            B64.encode(claims.to_string())
        );
        let mut tampered = me.access.clone();
        let last = if tampered.ends_with('A') { 'B' } else { 'A' };
        // The last letter carries bits that don't count; the one before it does.
        let end = tampered.len() - 2;
        tampered.replace_range(end..=end, &last.to_string());
        let header = json!({"alg": "HS256"});
        let put = |text: &str| {
            text.replace("<expired access token>", &self.token(&header, &expired))
                .replace("<expired refresh token>", &refresh)
                .replace("<refresh token>", &refresh)
                .replace("<admin access token>", &self.admin.access)
                .replace("<other user's access token>", &others)
                .replace("<unsigned token>", &unsigned)
                .replace("<tampered token>", &tampered)
                .replace("<token without exp>", &self.token(&header, &endless))
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
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(40);
        loop {
            let order = self.shop.order(&probe, product, 1).await;
            let cart = self
                .shop
                .ask(Some(&probe), Method::GET, "/wish/list", None)
                .await;
            if order.status == 200 && cart.status == 200 {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "products did not come back: {}",
                order.text
            );
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    async fn mug_when_possible(&self) -> i64 {
        let body = json!({"name": "Mug", "price": 5000, "stock": 1000});
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(40);
        loop {
            let reply = self
                .shop
                .ask(
                    Some(&self.admin),
                    Method::POST,
                    "/product/admin/add",
                    Some(body.clone()),
                )
                .await;
            if reply.status == 200 {
                return reply.json()["productId"].as_i64().unwrap();
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "products did not come back: {}",
                reply.text
            );
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }

    /// Ten minutes pass for every verification key.
    async fn expire_keys(&self) {
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

    fn refresh_claims(&self, person: &Person) -> Value {
        let payload = person.refresh.split('.').nth(1).unwrap();
        serde_json::from_slice(&B64.decode(payload).unwrap()).unwrap()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test forges tokens by the machine's clock"
)]
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// The mall's token key, as the config server gives it to the gateway.
async fn jwt_secret(shop: &Shop) -> String {
    let reply = shop
        .send_to(
            &shop.mall.config_server_url(),
            Method::GET,
            "/api-gateway/local",
            &[],
            None,
        )
        .await;
    let environment = reply.expect(200).json();
    let sources = environment["propertySources"].as_array().unwrap();
    let secret = sources
        .iter()
        .find_map(|source| source["source"]["jwt.secret"].as_str());
    secret.expect("jwt.secret in the config store").to_owned()
}

/// The path with `id` in place of its number, unless that stands for an unknown one.
fn with_id(path: &str, id: i64) -> String {
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            if segment.parse::<i64>().is_ok() {
                id.to_string()
            } else {
                segment.to_owned()
            }
        })
        .collect();
    let path = segments.join("/");
    query.map_or(path.clone(), |query| format!("{path}?{query}"))
}

fn with_product(body: Option<Value>, product: i64) -> Option<Value> {
    let mut body = body?;
    body["productId"] = json!(product);
    Some(body)
}

/// Puts the person of this run in place of the recorded one; addresses that the exchange is about stay.
fn put_email(body: &mut Value, email: &str, exchange: &Exchange) {
    let recorded = body
        .get("email")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let about = [
        "",
        "nope",
        "a@b",
        "nobody@mall.example",
        "none@mall.example",
        "admin@mall.example",
    ];
    if !recorded.is_empty() && !about.contains(&recorded.as_str()) {
        body["email"] = json!(email);
    }
    if exchange.path == "/auth/login"
        && body.get("password").and_then(Value::as_str) == Some("Abcdefg1!")
    {
        body["password"] = json!(PASSWORD);
    }
}
