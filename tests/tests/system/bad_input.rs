//! Everything that a client can get wrong: each gets its own 4xx as a problem with a stable code, and changes nothing.

mod bodies;
mod fields;
mod identities;
mod ids;
mod paths;
mod tokens;

use std::time::Duration;

use mall_system_tests::{Person, Reply};
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::books::{Fingerprint, changed};
use crate::malls::Town;

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
        let add = town
            .shop
            .ask(
                Some(&me),
                Method::POST,
                &format!("/cart/add/{mug}?count=2"),
                None,
            )
            .await
            .expect(200);
        let line = add.json()["cartId"].as_i64().unwrap();
        town.shop
            .ask(Some(&me), Method::POST, &format!("/wish/add/{mug}"), None)
            .await
            .expect(200);
        let unpaid = town.shop.ordered(&me, mug, 1).await;
        let paid = town.shop.ordered(&me, mug, 1).await;
        town.shop.pay(&me, paid, false, false).await.expect(200);
        town.books.quiet().await;
        // What a paid order's stock comes to is written in a transaction of stock's own.
        town.books.wait_for_stock(mug, 10, 8, 1, 1).await;
        let before = town.books.fingerprint().await;
        Scene {
            town,
            me,
            mug,
            line,
            unpaid,
            paid,
            before,
            wrong: Vec::new(),
        }
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
        let reply = self
            .town
            .shop
            .send(sent, path, headers, body.map(str::to_owned))
            .await;
        let (path, body): (String, String) = (clip(path), clip(body.unwrap_or_default()));
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let what = format!("{method} {path} {body} {names:?}");
        self.wrong
            .extend(fault(&reply, status, code).map(|why| format!("{what}: {why}")));
        reply
    }

    /// Nothing was wrong, and nothing has changed.
    async fn ends(self) {
        let changes = changed(&self.before, &self.town.books.fingerprint().await);
        assert!(changes.is_empty(), "bad input changed {changes:#?}");
        assert!(
            self.wrong.is_empty(),
            "{} answers are wrong:\n{}",
            self.wrong.len(),
            self.wrong.join("\n")
        );
    }
}

fn clip(text: &str) -> String {
    let short: String = text.chars().take(100).collect();
    if short.len() < text.len() {
        format!("{short}... ({} bytes)", text.len())
    } else {
        short
    }
}

/// What is wrong with an answer.
fn fault(reply: &Reply, status: u16, code: &str) -> Option<String> {
    let body = reply.json();
    let said = |key: &str| body[key].as_str().is_some_and(|text| !text.is_empty());
    if reply.verdict() != (status, code.to_owned()) {
        return Some(format!(
            "{:?} instead of {status} {code}: {}",
            reply.verdict(),
            clip(&reply.text)
        ));
    }
    if reply.content_type() != "application/problem+json" {
        return Some(format!("its type is {:?}", reply.content_type()));
    }
    if body["status"] != status || !said("type") || !said("title") || !said("detail") {
        return Some(format!("it is no whole problem: {body}"));
    }
    if status == 401
        && reply
            .headers
            .get("www-authenticate")
            .is_none_or(|value| value != "Bearer")
    {
        return Some("WWW-Authenticate is missing".to_owned());
    }
    let shouting = code
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    (!shouting).then(|| format!("{code} is no code"))
}

/// Status and body of a request whose header names go out as they stand.
async fn raw(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: mall\r\nConnection: close\r\nContent-Length: 0\r\n"
    );
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
    let answer = tokio::time::timeout(Duration::from_secs(20), exchange)
        .await
        .expect("an answer");
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_default();
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body)
        .unwrap_or_default();
    // One chunk, or a plain body: the JSON stands between the first and the last bracket.
    let json = body
        .find(['{', '['])
        .zip(body.rfind(['}', ']']))
        .map_or("", |(from, to)| &body[from..=to]);
    (status, serde_json::from_str(json).unwrap_or_default())
}
