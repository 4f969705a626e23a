//! Access tokens, good and bad ones, signed with the mall's own keys.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{Person, Shop};

/// Signs what the gateway believes. Two hundred shoppers are made faster so than by two hundred mails.
pub struct Mint {
    /// Signs shoppers' tokens.
    jwt: String,
    /// Signs what services tell each other.
    internal: String,
    next: AtomicI64,
}

impl Mint {
    /// Reads the keys where the gateway reads them.
    pub async fn of(shop: &Shop) -> Mint {
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
        let key = |name: &str| {
            let found = sources
                .iter()
                .find_map(|source| source["source"][name].as_str());
            found
                .unwrap_or_else(|| panic!("{name} is not in the config store"))
                .to_owned()
        };
        Mint {
            jwt: key("jwt.secret"),
            internal: key("mall.internal.key"),
            next: AtomicI64::new(1_000_000),
        }
    }

    /// A shopper whom nobody knows yet, with a number of their own.
    pub fn shopper(&self) -> Person {
        self.person(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// The shopper with this number.
    pub fn person(&self, user: i64) -> Person {
        Person {
            email: String::new(),
            access: self.token(&self.claims(user, "USER")),
            refresh: String::new(),
        }
    }

    /// So many new shoppers.
    pub fn shoppers(&self, count: usize) -> Vec<Person> {
        (0..count).map(|_| self.shopper()).collect()
    }

    /// What a good access token says.
    pub fn claims(&self, user: i64, role: &str) -> Value {
        let now = now();
        json!({
            "sub": user.to_string(), "roles": role, "iat": now, "exp": now + 3600, "typ": "access",
            "sid": format!("minted-{user}"),
        })
    }

    /// Signs claims.
    pub fn token(&self, claims: &Value) -> String {
        sealed(r#"{"alg":"HS256"}"#, claims, &self.jwt)
    }

    /// Signs claims under another header.
    pub fn token_under(&self, header: &str, claims: &Value) -> String {
        sealed(header, claims, &self.jwt)
    }

    /// A statement as the gateway makes it for services, properly signed.
    pub fn identity(&self, user: i64, role: &str) -> String {
        let now = now();
        let claims = json!({
            "aud": "identity", "sub": user, "role": role, "sid": "minted", "axp": now + 3600, "iat": now, "exp": now + 60,
        });
        sealed(r#"{"alg":"HS256"}"#, &claims, &self.internal)
    }

    /// A statement with which one service calls another, which believes it.
    pub fn call(&self, caller: &str, callee: &str) -> String {
        let now = now();
        let claims =
            json!({"typ": "service", "aud": callee, "sub": caller, "iat": now, "exp": now + 60});
        sealed(r#"{"alg":"HS256"}"#, &claims, &self.internal)
    }

    /// A statement as services make it for each other, properly signed.
    pub fn service(&self, name: &str) -> String {
        let now = now();
        let claims = json!({"aud": "service", "sub": name, "iat": now, "exp": now + 60});
        sealed(r#"{"alg":"HS256"}"#, &claims, &self.internal)
    }
}

/// Signs with any secret.
pub fn sealed(header: &str, claims: &Value, secret: &str) -> String {
    let text = format!("{}.{}", B64.encode(header), B64.encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", B64.encode(mac.finalize().into_bytes()))
}

/// What a token claims, unverified.
pub fn claims_of(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&B64.decode(payload).unwrap()).unwrap()
}

/// Seconds since 1970.
#[allow(
    clippy::disallowed_methods,
    reason = "a test forges tokens by the machine's clock"
)]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}
