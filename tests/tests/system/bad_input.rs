//! Everything that a client can get wrong: each gets its own 4xx as a problem with a stable code, and changes nothing.

use std::time::Duration;

use mall_system_tests::{Person, Reply};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::books::{Fingerprint, changed};
use super::malls::{Town, alone, run};
use super::mint::{claims_of, now, sealed};

/// Somebody with something to lose, and a mall that is watched.
struct Scene<'t> {
    town: &'t Town,
    me: Person,
    mug: i64,
    line: i64,
    unpaid: i64,
    paid: i64,
    before: Fingerprint,
    wrong: Vec<String>,
}

impl<'t> Scene<'t> {
    async fn set(town: &'t Town) -> Scene<'t> {
        let me = town.shop.shopper().await;
        let mug = town.mug(10).await;
        let add = town.shop.ask(Some(&me), Method::POST, &format!("/cart/add/{mug}?count=2"), None).await.expect(200);
        let line = add.json()["cartId"].as_i64().unwrap();
        town.shop.ask(Some(&me), Method::POST, &format!("/wish/add/{mug}"), None).await.expect(200);
        let unpaid = town.shop.ordered(&me, mug, 1).await;
        let paid = town.shop.ordered(&me, mug, 1).await;
        town.shop.pay(&me, paid, false, false).await.expect(200);
        town.books.quiet().await;
        // What a paid order's stock comes to is written in a transaction of stock's own.
        town.books.wait_for_stock(mug, 10, 8, 1, 1).await;
        let before = town.books.fingerprint().await;
        Scene { town, me, mug, line, unpaid, paid, before, wrong: Vec::new() }
    }

    /// One request, and what must come of it.
    async fn case(
        &mut self,
        who: Option<&Person>,
        method: &str,
        path: &str,
        body: Option<&str>,
        status: u16,
        code: &str,
    ) -> Reply {
        let bearer = who.map(|who| format!("Bearer {}", who.access));
        let mut headers = Vec::new();
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        headers.extend(body.map(|_| ("content-type", "application/json")));
        self.with(&headers, method, path, body, status, code).await
    }

    /// The same with all headers given.
    async fn with(
        &mut self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: Option<&str>,
        status: u16,
        code: &str,
    ) -> Reply {
        let sent = method.parse::<Method>().unwrap();
        let reply = self.town.shop.send(sent, path, headers, body.map(str::to_owned)).await;
        let (path, body): (String, String) = (clip(path), clip(body.unwrap_or_default()));
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let what = format!("{method} {path} {body} {names:?}");
        self.wrong.extend(fault(&reply, status, code).map(|why| format!("{what}: {why}")));
        reply
    }

    /// Nothing was wrong, and nothing has changed.
    async fn ends(self) {
        let changes = changed(&self.before, &self.town.books.fingerprint().await);
        assert!(changes.is_empty(), "bad input changed {changes:#?}");
        assert!(self.wrong.is_empty(), "{} answers are wrong:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

fn clip(text: &str) -> String {
    let short: String = text.chars().take(100).collect();
    if short.len() < text.len() { format!("{short}... ({} bytes)", text.len()) } else { short }
}

/// What is wrong with an answer.
fn fault(reply: &Reply, status: u16, code: &str) -> Option<String> {
    let body = reply.json();
    let said = |key: &str| body[key].as_str().is_some_and(|text| !text.is_empty());
    if reply.verdict() != (status, code.to_owned()) {
        return Some(format!("{:?} instead of {status} {code}: {}", reply.verdict(), clip(&reply.text)));
    }
    if reply.content_type() != "application/problem+json" {
        return Some(format!("its type is {:?}", reply.content_type()));
    }
    if body["status"] != status || !said("type") || !said("title") || !said("detail") {
        return Some(format!("it is no whole problem: {body}"));
    }
    if status == 401 && reply.headers.get("www-authenticate").is_none_or(|value| value != "Bearer") {
        return Some("WWW-Authenticate is missing".to_owned());
    }
    let shouting = code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    (!shouting).then(|| format!("{code} is no code"))
}

/// Every endpoint that takes a body, as `(by an admin, method, path)`.
fn with_bodies(mug: i64, unpaid: i64) -> Vec<(bool, &'static str, String)> {
    vec![
        (false, "POST", "/auth/signup".to_owned()),
        (false, "POST", "/auth/login".to_owned()),
        (false, "PUT", "/auth/resendEmail".to_owned()),
        (false, "PUT", "/user/mypage/update".to_owned()),
        (false, "POST", "/order/orderProduct".to_owned()),
        (false, "PUT", format!("/order/payOrder/{unpaid}")),
        (true, "POST", "/product/admin/add".to_owned()),
        (true, "PUT", format!("/product/admin/edit/{mug}")),
        (true, "PUT", format!("/product/admin/stock/{mug}")),
    ]
}

#[test]
fn bodies_that_are_no_json_of_ours() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let me = scene.me.clone();
        for (admins, method, path) in with_bodies(scene.mug, scene.unpaid) {
            let who = if admins { &town.admin } else { &me };
            for (body, code) in [
                ("", "INVALID_JSON"),
                ("{", "INVALID_JSON"),
                ("{\"", "INVALID_JSON"),
                ("{'email':'a'}", "INVALID_JSON"),
                ("nope", "INVALID_JSON"),
                ("{} {}", "INVALID_JSON"),
                ("{\"a\":1}\u{0}", "INVALID_BODY"),
                ("\u{feff}{}", "INVALID_JSON"),
                ("[]", "INVALID_BODY"),
                ("[1,2,true,null]", "INVALID_BODY"),
                ("3", "INVALID_BODY"),
                ("\"text\"", "INVALID_BODY"),
                ("null", "INVALID_BODY"),
                ("{\"surprise\":1}", "INVALID_BODY"),
            ] {
                scene.case(Some(who), method, &path, Some(body), 400, code).await;
            }
            let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
            scene.case(Some(who), method, &path, Some(&deep), 400, "INVALID_BODY").await;
            let bearer = format!("Bearer {}", who.access);
            for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("json"), Some("")] {
                let mut headers = vec![("authorization", bearer.as_str())];
                headers.extend(kind.map(|kind| ("content-type", kind)));
                scene.with(&headers, method, &path, Some("{}"), 415, "UNSUPPORTED_MEDIA_TYPE").await;
            }
            let large = format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 20));
            scene.case(Some(who), method, &path, Some(&large), 413, "BODY_TOO_LARGE").await;
        }
        // No stranger gets as far as that.
        scene.case(None, "POST", "/order/orderProduct", Some("{"), 401, "UNAUTHENTICATED").await;
        scene.ends().await;
    });
}

#[test]
fn fields_of_the_wrong_kind() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, mug) = (scene.me.clone(), scene.mug);
        let pay = format!("/order/payOrder/{}", scene.unpaid);
        let (edit, stock) = (format!("/product/admin/edit/{mug}"), format!("/product/admin/stock/{mug}"));
        let order = "/order/orderProduct";
        let add = "/product/admin/add";
        let update = "/user/mypage/update";
        let email = "new@mall.example";
        let wrong_kind: Vec<(bool, &str, &str, String, &str)> = vec![
            (false, "POST", order, json!({"productId": "1", "quantity": 1}).to_string(), "productId"),
            (false, "POST", order, json!({"productId": mug, "quantity": "1"}).to_string(), "quantity"),
            (false, "POST", order, json!({"productId": mug, "quantity": 1.5}).to_string(), "quantity"),
            (false, "POST", order, json!({"productId": mug, "quantity": true}).to_string(), "quantity"),
            (false, "POST", order, json!({"productId": mug, "quantity": [1]}).to_string(), "quantity"),
            (false, "POST", order, json!({"productId": mug, "quantity": ""}).to_string(), "quantity"),
            (false, "POST", order, format!("{{\"productId\":{mug},\"quantity\":9223372036854775808}}"), "quantity"),
            (false, "POST", order, format!("{{\"productId\":{mug},\"quantity\":1e9}}"), "quantity"),
            (false, "POST", order, format!("{{\"productId\":{mug},\"quantity\":1,\"quantity\":1}}"), "quantity"),
            (false, "POST", order, json!({"productId": mug, "quantity": 1, "price": 0}).to_string(), "price"),
            (false, "PUT", &pay, json!({"isCanceled": "false", "isLimitExcess": false}).to_string(), "isCanceled"),
            (false, "PUT", &pay, json!({"isCanceled": 0, "isLimitExcess": false}).to_string(), "isCanceled"),
            (false, "PUT", &pay, json!({"isCanceled": false, "isLimitExcess": "no"}).to_string(), "isLimitExcess"),
            (false, "PUT", update, json!({"address": 1}).to_string(), "address"),
            (false, "PUT", update, json!({"email": email}).to_string(), "email"),
            (false, "POST", "/auth/signup", json!({"email": 1, "password": "Abcdefg1!"}).to_string(), "email"),
            (false, "POST", "/auth/signup", json!({"email": email, "password": "Abcdefg1!", "role": "ADMIN"}).to_string(), "role"),
            (false, "POST", "/auth/login", json!({"email": {"$ne": ""}, "password": "x"}).to_string(), "email"),
            (true, "POST", add, json!({"name": 1, "price": 1}).to_string(), "name"),
            (true, "POST", add, json!({"name": "n", "price": "1"}).to_string(), "price"),
            (true, "POST", add, json!({"name": "n", "price": 1, "isLimitedEdition": "true"}).to_string(), "isLimitedEdition"),
            (true, "PUT", &edit, json!({"price": 1.5}).to_string(), "price"),
            (true, "PUT", &edit, json!({"isThumbnail": 1}).to_string(), "isThumbnail"),
            (true, "PUT", &stock, json!({"stock": "3"}).to_string(), "stock"),
            (true, "PUT", &stock, json!({"change": null, "by": 3}).to_string(), "by"),
        ];
        for (admins, method, path, body, field) in wrong_kind {
            let who = if admins { &town.admin } else { &me };
            let reply = scene.case(Some(who), method, path, Some(&body), 400, "INVALID_BODY").await;
            if !reply.json()["errors"][field].is_string() {
                scene.wrong.push(format!("{method} {path} {body}: {field} is not named: {}", reply.text));
            }
        }

        let bad_values: Vec<(bool, &str, &str, Value, &[&str])> = vec![
            (false, "POST", order, json!({}), &["productId", "quantity"]),
            (false, "POST", order, json!({"productId": null, "quantity": null}), &["productId", "quantity"]),
            (false, "POST", order, json!({"productId": mug, "quantity": 0}), &["quantity"]),
            (false, "POST", order, json!({"productId": mug, "quantity": -1}), &["quantity"]),
            (false, "POST", order, json!({"productId": mug, "quantity": 2_147_483_648_i64}), &["quantity"]),
            (false, "POST", order, json!({"productId": mug, "quantity": 1_000_000_000}), &["quantity"]),
            (false, "POST", order, json!({"productId": mug, "quantity": i64::MAX}), &["quantity"]),
            (false, "POST", order, json!({"productId": mug, "quantity": i64::MIN}), &["quantity"]),
            (false, "PUT", &pay, json!({}), &["isCanceled", "isLimitExcess"]),
            (false, "PUT", &pay, json!({"isCanceled": false}), &["isLimitExcess"]),
            (false, "PUT", update, json!({"phoneNum": "12", "password": "short"}), &["password", "phoneNum"]),
            (false, "POST", "/auth/signup", json!({}), &["email", "password"]),
            (false, "POST", "/auth/signup", json!({"email": "", "password": ""}), &["email", "password"]),
            (false, "POST", "/auth/signup", json!({"email": "nope", "password": "abcdefgh"}), &["email", "password"]),
            (
                false,
                "POST",
                "/auth/signup",
                json!({"email": email, "password": "Abcdefg1!", "phoneNum": "1", "registration": "2"}),
                &["phoneNum", "registration"],
            ),
            (false, "POST", "/auth/login", json!({}), &["email", "password"]),
            (false, "POST", "/auth/login", json!({"email": "a@b.c", "password": null}), &["password"]),
            (false, "PUT", "/auth/resendEmail", json!({}), &["email"]),
            (true, "POST", add, json!({}), &["name", "price"]),
            (true, "POST", add, json!({"name": "", "price": -1, "stock": -1}), &["name", "price", "stock"]),
            (true, "POST", add, json!({"name": "n", "price": 1, "stock": i64::MAX}), &["stock"]),
            (true, "PUT", &edit, json!({"price": -1, "stock": -1}), &["price", "stock"]),
            (true, "PUT", &stock, json!({}), &["stock"]),
            (true, "PUT", &stock, json!({"stock": -1}), &["stock"]),
        ];
        for (admins, method, path, body, fields) in bad_values {
            let who = if admins { &town.admin } else { &me };
            let reply = scene.case(Some(who), method, path, Some(&body.to_string()), 400, "INVALID_FIELDS").await;
            let errors = reply.json()["errors"].clone();
            let mut named: Vec<&str> = errors.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            named.sort_unstable();
            if named != fields {
                scene.wrong.push(format!("{method} {path} {body}: {named:?} are named instead of {fields:?}"));
            }
        }
        scene.ends().await;
    });
}

#[test]
fn ids_and_parameters_that_mean_nothing() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, line, mug) = (scene.me.clone(), scene.line, scene.mug);
        for count in ["0", "-1", "2147483648", "9223372036854775808", "1e9", "1000000000", "", "x", "1.0", "+1", "%201"] {
            scene.case(Some(&me), "POST", &format!("/cart/add/{mug}?count={count}"), None, 400, "INVALID_FIELDS").await;
            scene.case(Some(&me), "PUT", &format!("/cart/update/{line}?count={count}"), None, 400, "INVALID_FIELDS").await;
        }
        for path in [format!("/cart/add/{mug}"), format!("/cart/add/{mug}?Count=1")] {
            scene.case(Some(&me), "POST", &path, None, 400, "INVALID_FIELDS").await;
        }
        scene.case(None, "GET", "/auth/signup/email-verifications", None, 400, "INVALID_FIELDS").await;
        for key in ["", "nope", "mall:ended:x", "00000000-0000-0000-0000-000000000000", "%00", "a%0d%0ab"] {
            let path = format!("/auth/signup/email-verifications?key={key}");
            scene.case(None, "GET", &path, None, 401, "VERIFICATION_FAILED").await;
        }

        let pay = r#"{"isCanceled":true}"#;
        let edit = r#"{"price":1}"#;
        let stock = r#"{"stock":1}"#;
        for (admins, method, path, body, code) in [
            (false, "GET", "/product/detail/{id}", None, "PRODUCT_NOT_FOUND"),
            (false, "GET", "/product/detailStock/{id}", None, "PRODUCT_NOT_FOUND"),
            (false, "POST", "/wish/add/{id}", None, "PRODUCT_NOT_FOUND"),
            (false, "DELETE", "/wish/delete/{id}", None, "WISH_NOT_FOUND"),
            (false, "POST", "/cart/add/{id}?count=1", None, "PRODUCT_NOT_FOUND"),
            (false, "PUT", "/cart/update/{id}?count=1", None, "CART_LINE_NOT_FOUND"),
            (false, "DELETE", "/cart/delete/{id}", None, "CART_LINE_NOT_FOUND"),
            (false, "PUT", "/order/payOrder/{id}", Some(pay), "ORDER_NOT_FOUND"),
            (false, "PUT", "/order/cancel/{id}", None, "ORDER_NOT_FOUND"),
            (false, "PUT", "/order/refund/{id}", None, "ORDER_NOT_FOUND"),
            (false, "GET", "/order/{id}", None, "ORDER_NOT_FOUND"),
            (true, "GET", "/admin/orders/{id}", None, "ORDER_NOT_FOUND"),
            (true, "PUT", "/product/admin/edit/{id}", Some(edit), "PRODUCT_NOT_FOUND"),
            (true, "PUT", "/product/admin/stock/{id}", Some(stock), "PRODUCT_NOT_FOUND"),
        ] {
            let who = if admins { &town.admin } else { &me };
            for id in ["0", "-1", "999999999", "9223372036854775807"] {
                scene.case(Some(who), method, &path.replace("{id}", id), body, 404, code).await;
            }
            for id in ["x", "1.5", "9223372036854775808", "1e3", "0x1", "'%20OR%201=1", "%EF%BC%91"] {
                scene.case(Some(who), method, &path.replace("{id}", id), body, 400, "INVALID_PATH").await;
            }
        }
        for product in ["0", "-1", "999999999", "9223372036854775807"] {
            let body = format!(r#"{{"productId":{product},"quantity":1}}"#);
            scene.case(Some(&me), "POST", "/order/orderProduct", Some(&body), 404, "PRODUCT_NOT_FOUND").await;
        }

        // Whatever state forbids.
        let (paid, unpaid) = (scene.paid, scene.unpaid);
        scene.case(Some(&me), "PUT", &format!("/order/payOrder/{paid}"), Some(pay), 406, "ORDER_NOT_PAYABLE").await;
        scene.case(Some(&me), "PUT", &format!("/order/refund/{paid}"), None, 406, "ORDER_NOT_REFUNDABLE").await;
        scene.case(Some(&me), "PUT", &format!("/order/cancel/{unpaid}"), None, 406, "ORDER_NOT_CANCELABLE").await;
        scene.case(Some(&me), "POST", &format!("/cart/add/{mug}?count=1"), None, 409, "ALREADY_IN_CART").await;
        scene.case(Some(&me), "POST", &format!("/wish/add/{mug}"), None, 409, "ALREADY_WISHED").await;
        let much = format!(r#"{{"productId":{mug},"quantity":9}}"#);
        scene.case(Some(&me), "POST", "/order/orderProduct", Some(&much), 409, "INSUFFICIENT_STOCK").await;
        scene.ends().await;
    });
}

#[test]
fn paths_methods_and_sizes() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, mug) = (scene.me.clone(), scene.mug);
        for path in ["/", "/nope", "/Cart/getCart", "/product/allproduct/", "/carts/getCart", "/product", "/.env"] {
            scene.case(None, "GET", path, None, 404, "NOT_FOUND").await;
        }
        let gateway = town.shop.mall.gateway_url();
        let gateway = gateway.trim_start_matches("http://");
        for path in [
            "/cart;x=1/getCart",
            "/product;x=1/admin/edit/1",
            "/cart/getCart;x=1",
            "/product/detail/1%2F..",
            "/product/%2e%2e/cart/getCart",
            "/product/../cart/getCart",
            "/product/./allproduct",
            "/product/detail/%5C",
            "/product/detail/\\",
            "/a%25b",
        ] {
            // As it is written: a library would tidy it up.
            let (status, body) = raw(gateway, "GET", path, &[]).await;
            if (status, body["code"].as_str()) != (400, Some("INVALID_PATH")) {
                scene.wrong.push(format!("GET {path}: {status} {body}"));
            }
        }
        for (method, path) in [
            ("DELETE", "/product/allproduct".to_owned()),
            ("POST", format!("/product/detail/{mug}")),
            ("GET", "/auth/login".to_owned()),
            ("PATCH", "/auth/signup".to_owned()),
        ] {
            let reply = scene.case(None, method, &path, None, 405, "METHOD_NOT_ALLOWED").await;
            assert!(reply.headers.contains_key("allow"), "{method} {path} does not say what is allowed");
        }
        for (method, path) in [("GET", "/order/orderCartList".to_owned()), ("GET", format!("/cart/add/{mug}"))] {
            scene.case(Some(&me), method, &path, None, 405, "METHOD_NOT_ALLOWED").await;
        }
        for long in ["/product/detail/1".to_owned() + &"1".repeat(9000), format!("/product/allproduct?x={}", "y".repeat(9000))] {
            scene.case(None, "GET", &long, None, 414, "URI_TOO_LONG").await;
        }
        let huge = "x".repeat(17_000);
        scene.with(&[("x-huge", &huge)], "GET", "/product/allproduct", None, 431, "HEADERS_TOO_LARGE").await;
        scene.ends().await;

        // A body whose length nobody said, and that does not end.
        let mut stream = TcpStream::connect(gateway).await.unwrap();
        let head = "POST /auth/login HTTP/1.1\r\nHost: mall\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let piece = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        for _ in 0..17 {
            if stream.write_all(piece.as_bytes()).await.is_err() {
                break;
            }
        }
        let answer = first_line(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    });
}

async fn first_line(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = async {
        let mut piece = [0; 1024];
        while !answer.contains(&b'\n') {
            match stream.read(&mut piece).await {
                Ok(0) | Err(_) => break,
                Ok(length) => answer.extend_from_slice(&piece[..length]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("an answer");
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn tokens_that_are_not_good() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, mint) = (scene.me.clone(), &town.mint);
        let good = claims_of(&me.access);
        let with = |key: &str, value: Value| {
            let mut claims = good.clone();
            claims[key] = value;
            claims
        };
        let without = |key: &str| {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(key);
            claims
        };
        let mut expired = with("exp", json!(now() - 10));
        expired["iat"] = json!(now() - 3610);
        let [header, payload, signature] = me.access.split('.').collect::<Vec<_>>()[..] else { panic!("{}", me.access) };
        let admin_payload = mint.token(&with("roles", json!("ADMIN")));
        let admin_payload = admin_payload.split('.').nth(1).unwrap();
        let bad: Vec<(&str, String, &str)> = vec![
            ("expired", mint.token(&expired), "TOKEN_EXPIRED"),
            ("another key", sealed(r#"{"alg":"HS256"}"#, &good, &"x".repeat(40)), "TOKEN_INVALID"),
            ("a changed payload", format!("{header}.{admin_payload}.{signature}"), "TOKEN_INVALID"),
            ("no signature", format!("{header}.{payload}."), "TOKEN_INVALID"),
            ("alg none", format!("{}.{payload}.", mint.token_under(r#"{"alg":"none"}"#, &good).split('.').next().unwrap()), "TOKEN_INVALID"),
            ("alg none, signed", mint.token_under(r#"{"alg":"none"}"#, &good), "TOKEN_INVALID"),
            ("alg HS512", mint.token_under(r#"{"alg":"HS512"}"#, &good), "TOKEN_INVALID"),
            ("a refresh token", me.refresh.clone(), "TOKEN_INVALID"),
            ("no exp", mint.token(&without("exp")), "TOKEN_INVALID"),
            ("no sub", mint.token(&without("sub")), "TOKEN_INVALID"),
            ("no role", mint.token(&without("roles")), "TOKEN_INVALID"),
            ("no session", mint.token(&without("sid")), "TOKEN_INVALID"),
            ("an unknown role", mint.token(&with("roles", json!("ROOT"))), "TOKEN_INVALID"),
            ("two roles", mint.token(&with("roles", json!(["USER", "ADMIN"]))), "TOKEN_INVALID"),
            ("a sub that is no number", mint.token(&with("sub", json!("me"))), "TOKEN_INVALID"),
            ("a statement of services", mint.identity(1, "USER"), "TOKEN_INVALID"),
            ("rubbish", "rubbish".to_owned(), "TOKEN_INVALID"),
            ("dots", "..".to_owned(), "TOKEN_INVALID"),
            ("a very long one", "x".repeat(10_000), "TOKEN_INVALID"),
        ];
        for (what, token, code) in bad {
            for (method, path) in [
                ("GET", "/cart/getCart"),
                ("POST", "/order/orderCartList"),
                ("POST", "/auth/logout"),
                ("POST", "/product/admin/add"),
                ("GET", "/admin/orders/1"),
                ("GET", "/user/mypage"),
            ] {
                let bearer = format!("Bearer {token}");
                let before = scene.wrong.len();
                scene.with(&[("authorization", &bearer)], method, path, None, 401, code).await;
                scene.wrong.iter_mut().skip(before).for_each(|line| line.insert_str(0, &format!("{what}: ")));
            }
        }
        for (value, code) in [
            ("", "UNAUTHENTICATED"),
            ("Bearer", "UNAUTHENTICATED"),
            ("Bearer ", "UNAUTHENTICATED"),
            ("Basic YWRtaW46YWRtaW4=", "TOKEN_INVALID"),
            ("Bearer a b", "TOKEN_INVALID"),
        ] {
            scene.with(&[("authorization", value)], "GET", "/cart/getCart", None, 401, code).await;
        }
        let bearer = format!("Bearer {}", me.access);
        let two = [("authorization", bearer.as_str()), ("authorization", bearer.as_str())];
        scene.with(&two, "GET", "/cart/getCart", None, 401, "TOKEN_INVALID").await;

        // Good ones of the wrong role.
        for (method, path) in [
            ("POST", "/product/admin/add"),
            ("GET", "/admin/orders/1"),
            ("GET", "/admin/nothing"),
        ] {
            scene.case(Some(&me), method, path, None, 403, "FORBIDDEN").await;
        }
        for (method, path) in [("GET", "/cart/getCart"), ("POST", "/order/orderCartList"), ("GET", "/wish/list"), ("GET", "/user/mypage")] {
            scene.case(Some(&town.admin), method, path, None, 403, "FORBIDDEN").await;
        }

        // Refresh cookies.
        scene.with(&[], "POST", "/auth/refresh", None, 400, "REFRESH_COOKIE_MISSING").await;
        let stale = json!({"sub": good["sub"], "iat": now() - 20, "exp": now() - 10, "typ": "refresh", "sid": "s", "jti": "j"});
        let foreign = json!({"sub": good["sub"], "iat": now(), "exp": now() + 60, "typ": "refresh", "sid": "s", "jti": "j"});
        for token in ["", "rubbish", &me.access, &mint.token(&stale), &mint.token(&foreign)] {
            let cookie = format!("refresh_token={token}");
            scene.with(&[("cookie", &cookie)], "POST", "/auth/refresh", None, 401, "REFRESH_REFUSED").await;
        }
        // The owner's own session is none the worse for it.
        town.shop.ask(Some(&me), Method::GET, "/cart/getCart", None).await.expect(200);
        scene.ends().await;
    });
}

#[test]
fn identities_that_a_client_makes_up() {
    run(async {
        let town = alone().await;
        let mut scene = Scene::set(&town).await;
        let (me, mug) = (scene.me.clone(), scene.mug);
        let victim = claims_of(&me.access)["sub"].as_str().unwrap().parse::<i64>().unwrap();
        // Even signed with our own keys: such a header is never taken from outside.
        let (identity, admin) = (town.mint.identity(victim, "USER"), town.mint.identity(1, "ADMIN"));
        let service = town.mint.service("application-order");
        let number = victim.to_string();
        let spoofs: Vec<Vec<(&str, &str)>> = vec![
            vec![("X-Authorization-Id", &number)],
            vec![("x-authorization-id", &number), ("x-token", &me.access)],
            vec![("X-AUTHORIZATION-ID", &number), ("X-TOKEN", &me.access)],
            vec![("x-mall-identity", &identity)],
            vec![("X-Mall-Identity", &identity), ("X-Mall-Service", &service)],
            vec![("X-MALL-IDENTITY", &admin), ("x-MALL-service", &service)],
            vec![("x-mall-identity", &identity), ("x-mall-identity", &admin)],
        ];
        let address = town.shop.mall.gateway_url();
        let address = address.trim_start_matches("http://");
        for spoof in &spoofs {
            for (method, path) in [
                ("GET", "/cart/getCart".to_owned()),
                ("GET", "/user/mypage".to_owned()),
                ("POST", "/order/orderCartList".to_owned()),
                ("POST", format!("/cart/add/{mug}?count=1")),
                ("POST", "/product/admin/add".to_owned()),
                ("POST", "/auth/logout".to_owned()),
            ] {
                // As they are written: a library would make all names small.
                let (status, body) = raw(address, method, &path, spoof).await;
                if (status, body["code"].as_str()) != (401, Some("UNAUTHENTICATED")) {
                    scene.wrong.push(format!("{method} {path} with {spoof:?}: {status} {body}"));
                }
            }
            for path in ["/internal/products?ids=1", "/Internal/products", "/internal", "/internal/carts/1"] {
                let (status, body) = raw(address, "GET", path, spoof).await;
                if (status, body["code"].as_str()) != (404, Some("NOT_FOUND")) {
                    scene.wrong.push(format!("GET {path} with {spoof:?}: {status} {body}"));
                }
            }
        }

        // Beside a good token of somebody else, the token counts.
        let other = town.mint.shopper();
        let bearer = format!("Bearer {}", other.access);
        for spoof in &spoofs {
            let mut headers = spoof.clone();
            headers.push(("Authorization", &bearer));
            let (status, body) = raw(address, "GET", "/cart/getCart", &headers).await;
            assert_eq!((status, body), (200, json!([])), "the other's cart is empty: {spoof:?}");
            let (status, body) = raw(address, "POST", "/product/admin/add", &headers).await;
            assert_eq!((status, body["code"].as_str()), (403, Some("FORBIDDEN")), "{spoof:?}");
        }
        scene.ends().await;
    });
}

/// Status and body of a request whose header names go out as they stand.
async fn raw(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: mall\r\nConnection: close\r\nContent-Length: 0\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), exchange).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    // One chunk, or a plain body: the JSON stands between the first and the last bracket.
    let json = body.find(['{', '[']).zip(body.rfind(['}', ']'])).map_or("", |(from, to)| &body[from..=to]);
    (status, serde_json::from_str(json).unwrap_or_default())
}
