//! Who may do what: every public route, asked by everybody. What is refused changes nothing.

mod closed;

use std::collections::BTreeSet;

use mall_system_tests::{PASSWORD, Person};
use reqwest::Method;
use serde_json::{Value, json};

use super::books::{NOBODYS, changed};
use super::malls::{Town, alone, run};
use super::openapi::described;

/// A route, what must be there before it is asked, and the status for each of [`WHO`].
pub struct Row {
    pub method: &'static str,
    pub path: &'static str,
    needs: Needs,
    pub expected: [u16; 5],
}

/// Nobody; the owner of the thing; another shopper; an admin; the owner with the token of a session that has ended.
const WHO: [&str; 5] = ["nobody", "owner", "other", "admin", "logged out"];

/// What a request is about. It belongs to the owner, and is new for every request.
#[derive(Clone, Copy, Debug)]
enum Needs {
    Nothing,
    NewEmail,
    MailKey,
    Address,
    Login,
    Session,
    Cookie,
    Profile,
    Product,
    Wished,
    NewProduct,
    Edit,
    Stock,
    ToCart,
    CartLine,
    CartCount,
    Cart,
    Purchase,
    Unpaid,
    Paid,
    Delivered,
    Order,
    Webhook,
    Moved,
    DeadLetter,
}

const fn row(method: &'static str, path: &'static str, needs: Needs, expected: [u16; 5]) -> Row {
    Row {
        method,
        path,
        needs,
        expected,
    }
}

const EVERYBODY: [u16; 5] = [200; 5];
const SHOPPERS: [u16; 5] = [401, 200, 200, 403, 401];
const OWNER: [u16; 5] = [401, 200, 404, 403, 401];
const ADMIN: [u16; 5] = [401, 403, 403, 200, 401];

/// The public API.
const MATRIX: [Row; 29] = [
    row("POST", "/auth/signup", Needs::NewEmail, EVERYBODY),
    row(
        "GET",
        "/auth/signup/email-verifications",
        Needs::MailKey,
        EVERYBODY,
    ),
    row("PUT", "/auth/resendEmail", Needs::Address, EVERYBODY),
    row("POST", "/auth/login", Needs::Login, EVERYBODY),
    row(
        "POST",
        "/auth/logout",
        Needs::Session,
        [401, 200, 200, 200, 401],
    ),
    row("POST", "/auth/refresh", Needs::Cookie, EVERYBODY),
    row("GET", "/user/mypage", Needs::Nothing, SHOPPERS),
    row("PUT", "/user/mypage/update", Needs::Profile, SHOPPERS),
    row("POST", "/wish/add/{productId}", Needs::Product, SHOPPERS),
    row("DELETE", "/wish/delete/{productId}", Needs::Wished, OWNER),
    row("GET", "/wish/list", Needs::Wished, SHOPPERS),
    row("GET", "/product/allproduct", Needs::Nothing, EVERYBODY),
    row(
        "GET",
        "/product/detail/{productId}",
        Needs::Product,
        EVERYBODY,
    ),
    row(
        "GET",
        "/product/detailStock/{productId}",
        Needs::Product,
        EVERYBODY,
    ),
    row("POST", "/product/admin/add", Needs::NewProduct, ADMIN),
    row("PUT", "/product/admin/edit/{productId}", Needs::Edit, ADMIN),
    row(
        "PUT",
        "/product/admin/stock/{productId}",
        Needs::Stock,
        ADMIN,
    ),
    row("POST", "/cart/add/{productId}", Needs::ToCart, SHOPPERS),
    row("DELETE", "/cart/delete/{cartId}", Needs::CartLine, OWNER),
    row("PUT", "/cart/update/{cartId}", Needs::CartCount, OWNER),
    row("GET", "/cart/getCart", Needs::CartLine, SHOPPERS),
    row("POST", "/order/orderProduct", Needs::Purchase, SHOPPERS),
    row(
        "POST",
        "/order/orderCartList",
        Needs::Cart,
        [401, 200, 409, 403, 401],
    ),
    row("PUT", "/order/payOrder/{orderId}", Needs::Unpaid, OWNER),
    row("GET", "/order/orderlist", Needs::Paid, SHOPPERS),
    row("PUT", "/order/cancel/{orderId}", Needs::Paid, OWNER),
    row("PUT", "/order/refund/{orderId}", Needs::Delivered, OWNER),
    row("GET", "/order/{orderId}", Needs::Order, OWNER),
    // Whoever asks: the provider of this mall sends none.
    row(
        "POST",
        "/payment/webhooks/{provider}",
        Needs::Webhook,
        [404; 5],
    ),
];

/// What admins have besides.
const ADMINS: [Row; 6] = [
    row("GET", "/admin/orders", Needs::Paid, ADMIN),
    row("GET", "/admin/orders/{orderId}", Needs::Order, ADMIN),
    row("POST", "/admin/orders/{orderId}/move", Needs::Moved, ADMIN),
    row(
        "GET",
        "/admin/orders/dead-letters",
        Needs::DeadLetter,
        ADMIN,
    ),
    row(
        "POST",
        "/admin/orders/dead-letters/{id}/retry",
        Needs::DeadLetter,
        ADMIN,
    ),
    row("GET", "/admin/payments/{orderId}", Needs::Paid, ADMIN),
];

/// `METHOD /path` of all rows.
pub fn routes() -> BTreeSet<String> {
    rows()
        .map(|row| format!("{} {}", row.method, row.path))
        .collect()
}

pub fn rows() -> impl Iterator<Item = &'static Row> {
    MATRIX.iter().chain(&ADMINS)
}

/// The five, and the mall that they are in.
pub struct Cast<'t> {
    pub town: &'t Town,
    pub owner: Person,
    pub other: Person,
    pub gone: Person,
}

/// A request, ready but for who asks.
#[derive(Default)]
pub struct Asked {
    pub path: String,
    pub body: Option<Value>,
    pub cookie: Option<String>,
}

#[test]
fn everybody_gets_what_the_matrix_says() {
    run(async {
        let town = alone().await;
        assert_eq!(
            described(&town).await,
            routes(),
            "the matrix and the gateway's description list the same routes"
        );
        let (owner, other) = (town.shop.shopper().await, town.shop.shopper().await);
        let gone = town.shop.person(&owner.email, PASSWORD).await;
        town.shop
            .ask(Some(&gone), Method::POST, "/auth/logout", None)
            .await
            .expect(200);
        let cast = Cast {
            town: &town,
            owner,
            other,
            gone,
        };
        let mut wrong = Vec::new();
        for row in rows() {
            for (who, expected) in row.expected.into_iter().enumerate() {
                wrong.extend(cast.check(row, who, expected).await);
            }
        }
        assert!(
            wrong.is_empty(),
            "{} cells are wrong:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        cast.lists_show_only_what_is_mine().await;
    });
}

impl Cast<'_> {
    async fn check(&self, row: &Row, who: usize, expected: u16) -> Option<String> {
        let books = &self.town.books;
        let asked = self.set(row).await;
        let person = self.person(row, who).await;
        let watched = expected != 200 && row.method != "GET";
        let before = if watched {
            books.quiet().await;
            Some(books.fingerprint().await)
        } else {
            None
        };
        let bearer = person.map(|person| format!("Bearer {}", person.access));
        let mut headers = Vec::new();
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        headers.extend(asked.cookie.as_deref().map(|cookie| ("cookie", cookie)));
        headers.extend(
            asked
                .body
                .as_ref()
                .map(|_| ("content-type", "application/json")),
        );
        let method = row.method.parse::<Method>().unwrap();
        let body = asked.body.as_ref().map(Value::to_string);
        let reply = self
            .town
            .shop
            .send(method, &asked.path, &headers, body)
            .await;
        let cell = format!(
            "{} {} by {} ({:?})",
            row.method, asked.path, WHO[who], row.needs
        );
        if reply.status != expected {
            return Some(format!(
                "{cell}: {} instead of {expected}: {}",
                reply.status.as_u16(),
                reply.text
            ));
        }
        if expected != 200
            && (reply.content_type() != "application/problem+json" || reply.verdict().1.is_empty())
        {
            return Some(format!(
                "{cell}: no problem with a code: {} {}",
                reply.content_type(),
                reply.text
            ));
        }
        let changes = match before {
            Some(before) => changed(&before, &books.fingerprint().await),
            None => Vec::new(),
        };
        (!changes.is_empty()).then(|| format!("{cell} is refused, and changed {changes:?}"))
    }

    /// Who asks. Where a session is what the request ends, it is one of its own.
    async fn person(&self, row: &Row, who: usize) -> Option<Person> {
        let person = match who {
            0 => return None,
            1 => &self.owner,
            2 => &self.other,
            3 => &self.town.admin,
            _ => &self.gone,
        };
        Some(match row.needs {
            Needs::Session if who == 3 => self.town.shop.admin().await,
            Needs::Session if who < 3 => self.town.shop.person(&person.email, PASSWORD).await,
            _ => person.clone(),
        })
    }

    async fn by(&self, who: &Person, method: Method, path: &str) -> Value {
        self.town
            .shop
            .ask(Some(who), method, path, None)
            .await
            .expect(200)
            .json()
    }

    /// Puts there what the request is about.
    pub async fn set(&self, row: &Row) -> Asked {
        let (shop, owner) = (&self.town.shop, &self.owner);
        let with = |name: &str, id: i64| row.path.replace(&format!("{{{name}}}"), &id.to_string());
        let path = row.path.to_owned();
        let plain = |path: String| Asked {
            path,
            ..Asked::default()
        };
        let json = |path: String, body: Value| Asked {
            path,
            body: Some(body),
            ..Asked::default()
        };
        match row.needs {
            Needs::Nothing | Needs::Session => plain(path),
            Needs::NewEmail => json(
                path,
                json!({"email": shop.fresh_email(), "password": PASSWORD}),
            ),
            Needs::MailKey => {
                let email = shop.fresh_email();
                shop.sign_up(&email).await.expect(200);
                plain(format!(
                    "{path}?key={}",
                    shop.key_from_mail(&email, 0).await
                ))
            }
            Needs::Address => json(path, json!({"email": "nobody@mall.example"})),
            Needs::Login => json(path, json!({"email": owner.email, "password": PASSWORD})),
            Needs::Cookie => {
                let session = shop.person(&owner.email, PASSWORD).await;
                Asked {
                    path,
                    cookie: Some(format!("refresh_token={}", session.refresh)),
                    body: None,
                }
            }
            Needs::Profile => json(path, json!({"address": "부산시"})),
            Needs::Product => plain(with("productId", self.town.mug(5).await)),
            Needs::Wished => {
                let product = self.town.mug(5).await;
                self.by(owner, Method::POST, &format!("/wish/add/{product}"))
                    .await;
                plain(with("productId", product))
            }
            Needs::NewProduct => json(path, json!({"name": "n", "price": 1})),
            Needs::Edit => json(
                with("productId", self.town.mug(5).await),
                json!({"price": 1}),
            ),
            Needs::Stock => json(
                with("productId", self.town.mug(5).await),
                json!({"change": 1}),
            ),
            Needs::ToCart => plain(format!(
                "{}?count=1",
                with("productId", self.town.mug(5).await)
            )),
            Needs::CartLine => plain(with("cartId", self.line().await)),
            Needs::CartCount => plain(format!("{}?count=2", with("cartId", self.line().await))),
            Needs::Cart => {
                self.empty_carts().await;
                self.line().await;
                plain(path)
            }
            Needs::Purchase => json(
                path,
                json!({"productId": self.town.mug(5).await, "quantity": 1}),
            ),
            Needs::Unpaid => {
                let order = shop.ordered(owner, self.town.mug(5).await, 1).await;
                json(
                    with("orderId", order),
                    json!({"isCanceled": false, "isLimitExcess": false}),
                )
            }
            Needs::Paid => plain(with("orderId", self.paid().await)),
            Needs::Delivered => {
                let order = self.paid().await;
                self.town
                    .books
                    .sql(&format!(
                        "UPDATE mall_orders.orders SET status = 4 WHERE id = {order}"
                    ))
                    .await;
                plain(with("orderId", order))
            }
            Needs::Webhook => json(
                row.path.replace("{provider}", "toss"),
                json!({"eventType": "PAYMENT_STATUS_CHANGED"}),
            ),
            Needs::Moved => json(
                with("orderId", self.paid().await),
                json!({"to": "SHIPPING", "reason": "by phone"}),
            ),
            Needs::DeadLetter => plain(with("id", self.dead_letter().await)),
            Needs::Order => plain(with(
                "orderId",
                shop.ordered(owner, self.town.mug(5).await, 1).await,
            )),
        }
    }

    /// A new line in the owner's cart.
    async fn line(&self) -> i64 {
        let path = format!("/cart/add/{}?count=1", self.town.mug(5).await);
        self.by(&self.owner, Method::POST, &path).await["cartId"]
            .as_i64()
            .unwrap()
    }

    /// An effect that was given up, and will be again: nobody knows its topic.
    async fn dead_letter(&self) -> i64 {
        let books = &self.town.books;
        books
            .sql(&format!(
                "INSERT INTO mall_orders.outbox (topic, ordering_key, payload, created_at, next_attempt_at, dead) \
                 VALUES ('{NOBODYS}', 'matrix', '{{}}', UTC_TIMESTAMP(), UTC_TIMESTAMP(), 1)"
            ))
            .await;
        let newest = format!("SELECT MAX(id) FROM mall_orders.outbox WHERE topic = '{NOBODYS}'");
        books.number(&newest).await
    }

    async fn paid(&self) -> i64 {
        let order = self
            .town
            .shop
            .ordered(&self.owner, self.town.mug(5).await, 1)
            .await;
        self.town
            .shop
            .pay(&self.owner, order, false, false)
            .await
            .expect(200);
        order
    }

    async fn empty_carts(&self) {
        for person in [&self.owner, &self.other] {
            for line in self
                .by(person, Method::GET, "/cart/getCart")
                .await
                .as_array()
                .unwrap()
            {
                self.by(
                    person,
                    Method::DELETE,
                    &format!("/cart/delete/{}", line["cartId"]),
                )
                .await;
            }
        }
    }

    async fn lists_show_only_what_is_mine(&self) {
        let (line, order, product) = (self.line().await, self.paid().await, self.town.mug(1).await);
        self.by(&self.owner, Method::POST, &format!("/wish/add/{product}"))
            .await;
        for (person, mine) in [(&self.owner, true), (&self.other, false)] {
            for (path, key, id) in [
                ("/cart/getCart", "cartId", line),
                ("/order/orderlist", "orderId", order),
                ("/wish/list", "productId", product),
            ] {
                let list = self.by(person, Method::GET, path).await;
                let shown = list
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|entry| entry[key] == id);
                assert_eq!(shown, mine, "{path} of {}: {list}", person.email);
            }
            assert_eq!(
                self.by(person, Method::GET, "/user/mypage").await["email"],
                person.email
            );
        }
    }
}
