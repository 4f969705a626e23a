//! Requests, and whoever repeats them.

use std::sync::atomic::Ordering;

use mall_system_tests::{Person, Reply};
use mall_testkit::eventually;
use reqwest::Method;
use serde_json::Value;

use super::{LONG, NEXT, World};

/// A request that its client repeats, word for word, until he knows.
#[derive(Clone)]
pub struct Wish {
    pub who: Person,
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
    key: String,
}

impl Wish {
    pub fn new(who: &Person, method: Method, path: &str, body: Option<Value>) -> Wish {
        Wish {
            who: who.clone(),
            method,
            path: path.to_owned(),
            body,
            key: format!("crash-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

impl World {
    /// Sends it once. `None`: no answer came, or one of the gateway that nobody knows.
    pub async fn try_once(&self, wish: &Wish) -> Option<Reply> {
        let bearer = format!("Bearer {}", wish.who.access);
        let mut request = self
            .shop
            .http()
            .request(
                wish.method.clone(),
                format!("{}{}", self.shop.mall.gateway_url(), wish.path),
            )
            .header("authorization", bearer)
            .header("idempotency-key", &wish.key);
        if let Some(body) = &wish.body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.ok()?;
        Some(Reply {
            status,
            headers,
            text,
        })
    }

    /// Repeats it until the answer is one; and once more, which must be the same.
    pub async fn insist(&self, wish: &Wish) -> Reply {
        let reply = eventually(LONG, || async {
            match self.try_once(wish).await {
                Some(reply) if is_final(&reply) => Ok(reply),
                Some(reply) => Err(format!("{} {}", reply.status, reply.text)),
                None => Err("no answer".to_owned()),
            }
        })
        .await;
        let again = self.try_once(wish).await.expect("an answer");
        assert_eq!(
            (again.status, &again.text),
            (reply.status, &reply.text),
            "a repeated answer is another one"
        );
        assert!(
            again.headers.contains_key("idempotent-replayed"),
            "{again:?}"
        );
        reply
    }
}

/// An answer that says what became of the request.
fn is_final(reply: &Reply) -> bool {
    let status = reply.status.as_u16();
    status < 500 && status != 429 && !reply.headers.contains_key("retry-after")
}
