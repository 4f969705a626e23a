//! HS256 in the compact form of a JWT, and nothing else.
//!
//! A library for JWTs brings every algorithm there is, and a header then says which one counts. Here it can't: whatever a
//! header claims, nothing but HMAC with SHA-256 is computed. The key's schedule is made once and not for every token.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{MIN_KEY_BYTES, TokenError, WeakKey};

/// A clock of ours may run this much behind another before its tokens look like from the future.
const SKEW_SECONDS: i64 = 5;

/// `{"alg":"HS256"}`: what we write; other writers may add to it.
const HEADER: &str = "eyJhbGciOiJIUzI1NiJ9";

/// No token of ours is nearly as long.
const LONGEST: usize = 8192;

/// One signing key.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

/// What every statement of ours says about its life, in Unix seconds.
pub(crate) trait Lifetime {
    fn issued_at(&self) -> i64;
    fn expires_at(&self) -> i64;
}

/// Of a header that somebody else wrote. `crit` names what a reader must understand, and we understand nothing more.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl Key {
    pub(crate) fn new(secret: &SecretString) -> Result<Key, WeakKey> {
        let bytes = secret.expose_secret().as_bytes();
        if bytes.len() < MIN_KEY_BYTES {
            return Err(WeakKey);
        }
        Hmac::new_from_slice(bytes).map(Key).map_err(|_| WeakKey)
    }

    /// Signs; the header says only the algorithm.
    pub(crate) fn seal(&self, claims: &impl Serialize) -> String {
        // Our claims are plain structs, which can't fail. An empty text is refused everywhere.
        let Ok(claims) = serde_json::to_vec(claims) else {
            return String::new();
        };
        let mut token = String::with_capacity(HEADER.len() + claims.len() * 4 / 3 + 50);
        token.push_str(HEADER);
        token.push('.');
        B64.encode_string(&claims, &mut token);
        let mut mac = self.0.clone();
        mac.update(token.as_bytes());
        token.push('.');
        B64.encode_string(mac.finalize().into_bytes(), &mut token);
        token
    }

    /// Verifies signature and life. A claim that is absent makes the token invalid.
    pub(crate) fn open<C: DeserializeOwned + Lifetime>(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<C, TokenError> {
        let claims: C = self.read(token).ok_or(TokenError::Invalid)?;
        if claims.expires_at() <= now.timestamp() {
            return Err(TokenError::Expired);
        }
        if claims.issued_at() > now.timestamp() + SKEW_SECONDS {
            return Err(TokenError::NotYet);
        }
        Ok(claims)
    }

    /// The claims, once the signature over all in front of it is right: nothing is read of what nobody signed.
    fn read<C: DeserializeOwned>(&self, token: &str) -> Option<C> {
        if token.len() > LONGEST {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let mut mac = self.0.clone();
        mac.update(signed.as_bytes());
        mac.verify_slice(&B64.decode(signature).ok()?).ok()?;
        let (header, claims) = signed.split_once('.')?;
        if header != HEADER {
            let header: Header = serde_json::from_slice(&B64.decode(header).ok()?).ok()?;
            if header.alg != "HS256" || header.crit.is_some() {
                return None;
            }
        }
        serde_json::from_slice(&B64.decode(claims).ok()?).ok()
    }
}
