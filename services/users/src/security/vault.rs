//! Personal texts in the database: sealed with AES-256-GCM, and the e-mail's keyed hash by which an account is found.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as B64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::config::EncryptionConfig;
use crate::domain::Email;

const NONCE: usize = 12;

/// A keyed hash of an e-mail: equal for equal addresses, and telling nothing about them without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EmailIndex(pub [u8; 32]);

impl EmailIndex {
    /// 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads [`EmailIndex::hex`].
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// Why a sealed text does not open. Says nothing about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("the vault has no key of that id")]
    UnknownKey,
    #[error("the sealed text was changed, moved, or sealed with another key")]
    Broken,
    #[error("a text could not be sealed")]
    Seal,
    #[error("there is no encryption secret")]
    NoSecret,
}

/// Seals and opens the personal columns.
///
/// A sealed text is `<key id>:<base64 of nonce and ciphertext>`. Column and row are authenticated with it, so that a text
/// that is copied to another row or column does not open there.
#[derive(Clone)]
pub struct Vault {
    keys: Vec<(String, Aes256Gcm)>,
    current: usize,
    index: Hmac<Sha256>,
}

/// A key of 256 bits from a secret text; the label keeps keys for different uses apart.
fn derive(secret: &SecretString, label: &[u8]) -> Result<[u8; 32], VaultError> {
    let mut mac = mac(secret.expose_secret().as_bytes())?;
    mac.update(label);
    Ok(mac.finalize().into_bytes().into())
}

fn mac(key: &[u8]) -> Result<Hmac<Sha256>, VaultError> {
    <Hmac<Sha256> as KeyInit>::new_from_slice(key).map_err(|_| VaultError::NoSecret)
}

impl Vault {
    /// Takes the secrets of the settings.
    pub fn new(config: &EncryptionConfig) -> Result<Self, VaultError> {
        let mut keys = Vec::with_capacity(config.keys.len());
        for (id, secret) in &config.keys {
            let key = derive(secret, b"mall.users personal texts, aes-256-gcm")?;
            keys.push((
                id.clone(),
                Aes256Gcm::new_from_slice(&key).map_err(|_| VaultError::NoSecret)?,
            ));
        }
        let current = keys
            .iter()
            .position(|(id, _)| *id == config.current)
            .ok_or(VaultError::UnknownKey)?;
        let index_secret = config.index_secret.as_ref().ok_or(VaultError::NoSecret)?;
        let index = mac(&derive(
            index_secret,
            b"mall.users e-mail index, hmac-sha-256",
        )?)?;
        Ok(Self {
            keys,
            current,
            index,
        })
    }

    /// Where the account of this address is found.
    pub fn index(&self, email: &Email) -> EmailIndex {
        let mut mac = self.index.clone();
        mac.update(email.as_str().as_bytes());
        EmailIndex(mac.finalize().into_bytes().into())
    }

    /// Seals a text for one column of one row.
    pub fn seal(&self, column: &str, row_key: &str, text: &str) -> Result<String, VaultError> {
        let (id, cipher) = self.keys.get(self.current).ok_or(VaultError::UnknownKey)?;
        let bytes: [u8; NONCE] = rand::random();
        let aad = associated(column, row_key);
        let sealed = cipher
            .encrypt(
                &Nonce::from(bytes),
                Payload {
                    msg: text.as_bytes(),
                    aad: aad.as_bytes(),
                },
            )
            .map_err(|_| VaultError::Seal)?;
        Ok(format!(
            "{id}:{}",
            B64.encode([bytes.as_slice(), &sealed].concat())
        ))
    }

    /// Opens a text that was sealed for that column of that row.
    pub fn open(&self, column: &str, row_key: &str, sealed: &str) -> Result<String, VaultError> {
        let (id, text) = sealed.split_once(':').ok_or(VaultError::Broken)?;
        let (_, cipher) = self
            .keys
            .iter()
            .find(|(known, _)| known == id)
            .ok_or(VaultError::UnknownKey)?;
        let bytes = B64.decode(text).map_err(|_| VaultError::Broken)?;
        let (nonce, sealed) = bytes
            .split_first_chunk::<NONCE>()
            .ok_or(VaultError::Broken)?;
        let aad = associated(column, row_key);
        let opened = cipher
            .decrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: aad.as_bytes(),
                },
            )
            .map_err(|_| VaultError::Broken)?;
        String::from_utf8(opened).map_err(|_| VaultError::Broken)
    }
}

fn associated(column: &str, row_key: &str) -> String {
    format!("users.{column}:{row_key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(current: &str, keys: &[(&str, char)]) -> EncryptionConfig {
        EncryptionConfig {
            current: current.to_owned(),
            keys: keys
                .iter()
                .map(|(id, c)| {
                    (
                        (*id).to_owned(),
                        SecretString::from(c.to_string().repeat(32)),
                    )
                })
                .collect(),
            index_secret: Some(SecretString::from("i".repeat(32))),
        }
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let vault = Vault::new(&config("k1", &[("k1", 'a')])).unwrap();
        let sealed = vault.seal("email", "row-1", "kim@mall.example").unwrap();
        assert!(sealed.starts_with("k1:"));
        assert!(!sealed.contains("kim"));
        assert_eq!(
            vault.open("email", "row-1", &sealed).unwrap(),
            "kim@mall.example"
        );
        assert_eq!(
            vault.open("name", "row-1", &sealed),
            Err(VaultError::Broken)
        );
        assert_eq!(
            vault.open("email", "row-2", &sealed),
            Err(VaultError::Broken)
        );
        assert_eq!(
            vault.open("email", "row-1", "k1:AAAA"),
            Err(VaultError::Broken)
        );
        assert_eq!(
            vault.open("email", "row-1", "k9:AAAA"),
            Err(VaultError::UnknownKey)
        );
        let mut bytes = B64.decode(&sealed[3..]).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(
            vault.open("email", "row-1", &format!("k1:{}", B64.encode(bytes))),
            Err(VaultError::Broken)
        );
    }

    #[test]
    fn equal_texts_are_sealed_differently() {
        let vault = Vault::new(&config("k1", &[("k1", 'a')])).unwrap();
        assert_ne!(
            vault.seal("name", "r", "Kim").unwrap(),
            vault.seal("name", "r", "Kim").unwrap()
        );
    }

    #[test]
    fn an_older_key_still_opens() {
        let before = Vault::new(&config("k1", &[("k1", 'a')])).unwrap();
        let after = Vault::new(&config("k2", &[("k1", 'a'), ("k2", 'b')])).unwrap();
        let sealed = before.seal("name", "r", "Kim").unwrap();
        assert_eq!(after.open("name", "r", &sealed).unwrap(), "Kim");
        assert!(after.seal("name", "r", "Kim").unwrap().starts_with("k2:"));
        let other = Vault::new(&config("k1", &[("k1", 'b')])).unwrap();
        assert_eq!(other.open("name", "r", &sealed), Err(VaultError::Broken));
    }

    #[test]
    fn one_index_per_address() {
        let vault = Vault::new(&config("k1", &[("k1", 'a')])).unwrap();
        let index = vault.index(&Email::parse("kim@mall.example").unwrap());
        assert_eq!(
            index,
            vault.index(&Email::parse(" KIM@mall.example").unwrap())
        );
        assert_ne!(
            index,
            vault.index(&Email::parse("kin@mall.example").unwrap())
        );
        assert_eq!(EmailIndex::from_hex(&index.hex()), Some(index));
        assert_eq!(EmailIndex::from_hex("zz"), None);
    }

    #[test]
    fn a_sealed_text_fits_its_column() {
        let vault = Vault::new(&config("abcdefghijklmnop", &[("abcdefghijklmnop", 'a')])).unwrap();
        let longest = "😀".repeat(255);
        assert!(
            vault
                .seal("address", &uuid::Uuid::nil().to_string(), &longest)
                .unwrap()
                .len()
                <= 2048
        );
    }
}
