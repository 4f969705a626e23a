//! HS256 for `jsonwebtoken`.
//!
//! The crate's own backends bring every algorithm there is; this system signs with one. A provider that knows just HMAC
//! with SHA-256 keeps the build short and makes algorithm confusion impossible: whatever a header claims, nothing else
//! can be verified here.

use std::sync::Once;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, new_error};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::{MIN_KEY_BYTES, TokenError, WeakKey};

/// A clock of ours may run this much behind another before its tokens look like from the future.
const SKEW_SECONDS: i64 = 5;

struct Hs256(Hmac<Sha256>);

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let mut mac = self.0.clone();
        mac.update(message);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.verify_slice(signature)
            .map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn hs256(algorithm: &Algorithm, key: &[u8]) -> jsonwebtoken::errors::Result<Hs256> {
    if *algorithm != Algorithm::HS256 {
        return Err(new_error(ErrorKind::InvalidAlgorithm));
    }
    Hmac::new_from_slice(key)
        .map(Hs256)
        .map_err(|_| new_error(ErrorKind::InvalidKeyFormat))
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(hs256(algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(hs256(algorithm, key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

static INSTALL: Once = Once::new();

/// One signing key.
#[derive(Clone)]
pub(crate) struct Key {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// What every statement of ours says about its life, in Unix seconds.
pub(crate) trait Lifetime {
    fn issued_at(&self) -> i64;
    fn expires_at(&self) -> i64;
}

impl Key {
    pub(crate) fn new(secret: &SecretString) -> Result<Key, WeakKey> {
        // Fails only when somebody installed a provider before us, which nobody does.
        INSTALL.call_once(|| {
            let _already_there = PROVIDER.install_default();
        });
        let bytes = secret.expose_secret().as_bytes();
        if bytes.len() < MIN_KEY_BYTES {
            return Err(WeakKey);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        // Times are checked by `open`, against the clock that was passed in.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Ok(Key {
            encoding: EncodingKey::from_secret(bytes),
            decoding: DecodingKey::from_secret(bytes),
            validation,
        })
    }

    /// Signs; the header says only the algorithm.
    pub(crate) fn seal(&self, claims: &impl Serialize) -> String {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = None;
        // Our claims are plain structs and our key is checked: neither can fail. An empty text is refused everywhere.
        jsonwebtoken::encode(&header, claims, &self.encoding).unwrap_or_default()
    }

    /// Verifies signature and life. A claim that is absent makes the token invalid.
    pub(crate) fn open<C: DeserializeOwned + Lifetime>(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<C, TokenError> {
        let claims: C = jsonwebtoken::decode(token, &self.decoding, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        if claims.expires_at() <= now.timestamp() {
            return Err(TokenError::Expired);
        }
        if claims.issued_at() > now.timestamp() + SKEW_SECONDS {
            return Err(TokenError::NotYet);
        }
        Ok(claims)
    }
}
