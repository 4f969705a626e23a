//! People who use a mall under test: a shop's door, and actors that knock at it.
//!
//! Everything goes through the gateway, as a shopper's or an admin's request would.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't go on should panic"
)]

pub mod mint;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mall_testkit::MallUnderTest;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// A password that keeps every rule.
pub const PASSWORD: &str = "Abcdefg1!";

/// A mall and the way in.
pub struct Shop {
    /// The programs.
    pub mall: MallUnderTest,
    http: Client,
    names: AtomicU32,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body as text.
    pub text: String,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The content type without parameters; empty when there is none.
    pub fn content_type(&self) -> String {
        let value = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        value
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    /// Status and machine code of a problem, or status and an empty text.
    pub fn verdict(&self) -> (u16, String) {
        (
            self.status.as_u16(),
            self.json()["code"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// The reply, if its status is this one.
    ///
    /// # Panics
    /// Otherwise, with the body.
    #[track_caller]
    pub fn expect(self, status: u16) -> Reply {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }
}

/// Somebody who is logged in.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their e-mail.
    pub email: String,
    /// A good access token.
    pub access: String,
    /// The refresh cookie's value.
    pub refresh: String,
}

impl Shop {
    /// Opens the door of a mall that runs.
    pub fn of(mall: MallUnderTest) -> Shop {
        let http = Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Shop {
            mall,
            http,
            names: AtomicU32::new(1),
        }
    }

    /// A mall with one instance of each service and an empty shop.
    pub async fn open() -> Shop {
        Shop::of(MallUnderTest::start().await.unwrap())
    }

    /// The plain HTTP client.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// A request to the gateway; `path` with its query.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        self.send_to(&self.mall.gateway_url(), method, path, headers, body)
            .await
    }

    /// A request to a program's own port.
    pub async fn send_to(
        &self,
        base: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let mut request = self.http.request(method, format!("{base}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Reply {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    /// A request of somebody (or nobody), with a JSON body or none.
    pub async fn ask(
        &self,
        who: Option<&Person>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Reply {
        let bearer = who.map(|who| format!("Bearer {}", who.access));
        let mut headers = Vec::new();
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        headers.extend(body.as_ref().map(|_| ("content-type", "application/json")));
        self.send(method, path, &headers, body.map(|body| body.to_string()))
            .await
    }

    /// GET of anybody.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask(None, Method::GET, path, None).await
    }

    /// An e-mail address that nobody has used in this mall.
    pub fn fresh_email(&self) -> String {
        format!(
            "shopper{}@mall.example",
            self.names.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// Signs up with every field.
    pub async fn sign_up(&self, email: &str) -> Reply {
        let body = json!({
            "email": email, "password": PASSWORD, "address": "서울시 강남구 1", "registration": "900101-1234567",
            "name": "김철수", "phoneNum": "010-1234-5678",
        });
        self.ask(None, Method::POST, "/auth/signup", Some(body))
            .await
    }

    /// The key in the newest mail to somebody, once one with a number beyond `seen` is there.
    pub async fn key_from_mail(&self, email: &str, seen: usize) -> String {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(15);
        loop {
            let mails = self.mall.mails_to(email);
            if mails.len() > seen {
                let newest = mails.last().unwrap();
                let at = newest.find("key=").expect("a mail with a link");
                let key = newest[at + 4..]
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_');
                return key.collect();
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "no mail to {email} came"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Opens the link of the mail.
    pub async fn verify(&self, key: &str) -> Reply {
        self.get(&format!("/auth/signup/email-verifications?key={key}"))
            .await
    }

    /// Logs in.
    pub async fn log_in(&self, email: &str, password: &str) -> Reply {
        self.ask(
            None,
            Method::POST,
            "/auth/login",
            Some(json!({"email": email, "password": password})),
        )
        .await
    }

    /// Logs in and keeps the tokens.
    pub async fn person(&self, email: &str, password: &str) -> Person {
        let reply = self.log_in(email, password).await.expect(200);
        let cookie = reply.headers["set-cookie"].to_str().unwrap();
        let refresh = cookie
            .split(';')
            .next()
            .unwrap()
            .trim_start_matches("refresh_token=")
            .to_owned();
        let access = reply.json()["access_token"].as_str().unwrap().to_owned();
        Person {
            email: email.to_owned(),
            access,
            refresh,
        }
    }

    /// A new shopper: signed up, verified, logged in.
    pub async fn shopper(&self) -> Person {
        let email = self.fresh_email();
        self.sign_up(&email).await.expect(200);
        let key = self.key_from_mail(&email, 0).await;
        self.verify(&key).await.expect(200);
        self.person(&email, PASSWORD).await
    }

    /// The admin.
    pub async fn admin(&self) -> Person {
        let admin = self.mall.admin().clone();
        self.person(&admin.email, &admin.password).await
    }

    /// Adds a product; the id.
    pub async fn add_product(&self, admin: &Person, body: Value) -> i64 {
        let reply = self
            .ask(Some(admin), Method::POST, "/product/admin/add", Some(body))
            .await
            .expect(200);
        reply.json()["productId"].as_i64().unwrap()
    }

    /// Adds a plain product with so much stock; the id.
    pub async fn mug(&self, admin: &Person, stock: i64) -> i64 {
        let body = json!({
            "name": "Mug", "price": 5000, "stock": stock, "description": "d",
            "imageUrl": "https://img.example/m.png", "imageName": "m", "isLimitedEdition": false,
        });
        self.add_product(admin, body).await
    }

    /// What is left of a product.
    pub async fn stock(&self, product: i64) -> i64 {
        let reply = self
            .get(&format!("/product/detailStock/{product}"))
            .await
            .expect(200);
        reply.json()["stock"].as_i64().unwrap()
    }

    /// Orders one product.
    pub async fn order(&self, who: &Person, product: i64, quantity: i64) -> Reply {
        let body = json!({"productId": product, "quantity": quantity});
        self.ask(Some(who), Method::POST, "/order/orderProduct", Some(body))
            .await
    }

    /// Orders one product, successfully; the order's id.
    pub async fn ordered(&self, who: &Person, product: i64, quantity: i64) -> i64 {
        self.order(who, product, quantity).await.expect(200).json()["orderId"]
            .as_i64()
            .unwrap()
    }

    /// Pays an order with the simulated provider's switches.
    pub async fn pay(&self, who: &Person, order: i64, cancelled: bool, limit: bool) -> Reply {
        let body = json!({"isCanceled": cancelled, "isLimitExcess": limit});
        self.ask(
            Some(who),
            Method::PUT,
            &format!("/order/payOrder/{order}"),
            Some(body),
        )
        .await
    }
}
