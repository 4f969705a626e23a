//! `{cipher}` values: Spring's symmetric text encryptor. PBKDF2-HMAC-SHA1 (1024 rounds), AES-256-CBC, random IV in front, hex.
//!
//! There is no MAC in this scheme: a wrong key usually shows as bad padding, once in about 256 times as nonsense.

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use secrecy::{ExposeSecret, SecretBox};

/// What an encrypted value begins with.
pub const PREFIX: &str = "{cipher}";
/// The salt when none is configured.
pub const DEFAULT_SALT: &str = "deadbeef";

const ROUNDS: u32 = 1024;
const IV: usize = 16;

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CipherError {
    #[error("the salt is not hexadecimal")]
    Salt,
    #[error("not hexadecimal")]
    NotHex,
    #[error("shorter than the 16 bytes that every encrypted value begins with")]
    TooShort,
    #[error("not encrypted with this key")]
    WrongKey,
}

/// Encrypts and decrypts with one key. Its `Debug` shows nothing of the key.
#[derive(Debug)]
pub struct Encryptor {
    key: SecretBox<[u8; 32]>,
}

impl Encryptor {
    /// Derives the AES key from `encrypt.key` and the hexadecimal `encrypt.salt`. Takes about a millisecond.
    pub fn new(key: &str, salt: &str) -> Result<Self, CipherError> {
        let salt = hex::decode(salt).map_err(|_| CipherError::Salt)?;
        let derived = pbkdf2::pbkdf2_hmac_array::<sha1::Sha1, 32>(key.as_bytes(), &salt, ROUNDS);
        Ok(Self {
            key: SecretBox::new(Box::new(derived)),
        })
    }

    /// Lower-case hex of a random IV and the ciphertext, without the `{cipher}` prefix.
    pub fn encrypt(&self, plain: &str) -> String {
        self.encrypt_with_iv(plain, rand::random())
    }

    pub(crate) fn encrypt_with_iv(&self, plain: &str, iv: [u8; IV]) -> String {
        let body = cbc::Encryptor::<aes::Aes256>::new(self.key.expose_secret().into(), &iv.into())
            .encrypt_padded_vec::<Pkcs7>(plain.as_bytes());
        format!("{}{}", hex::encode(iv), hex::encode(body))
    }

    /// The text in `hex`, which has no prefixes. 16 bytes alone are the empty text, as in Spring.
    pub fn decrypt(&self, hex: &str) -> Result<String, CipherError> {
        let bytes = hex::decode(hex).map_err(|_| CipherError::NotHex)?;
        let (iv, body) = bytes
            .split_first_chunk::<IV>()
            .ok_or(CipherError::TooShort)?;
        if body.is_empty() {
            return Ok(String::new());
        }
        let plain = cbc::Decryptor::<aes::Aes256>::new(self.key.expose_secret().into(), iv.into())
            .decrypt_padded_vec::<Pkcs7>(body)
            .map_err(|_| CipherError::WrongKey)?;
        // Spring replaces bytes that are no UTF-8; they only come from a wrong key, so we refuse them.
        String::from_utf8(plain).map_err(|_| CipherError::WrongKey)
    }

    /// The plain text of a whole setting: `{cipher}` and key selectors are taken off first. `None` when it is not encrypted.
    pub fn decrypt_setting(&self, value: &str) -> Option<Result<String, CipherError>> {
        let rest = value.strip_prefix(PREFIX)?;
        Some(if rest.is_empty() {
            Err(CipherError::TooShort)
        } else {
            self.decrypt(strip_selectors(rest))
        })
    }
}

/// Takes `{key:alias}{secret:pw}` off, which choose a key where there are several; `{plain}` ends them.
pub fn strip_selectors(text: &str) -> &str {
    let mut rest = text;
    while let Some((selector, after)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
        if selector != "plain" && !selector.contains(':') {
            break;
        }
        rest = after;
        if selector == "plain" {
            break;
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const IV_0_TO_F: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    const KEY: &str = "whatever-mall-test-key";

    /// Produced by Spring's own classes.
    const VECTORS: [(&str, &str, &str, &str); 5] = [
        (
            KEY,
            "deadbeef",
            "hello",
            "000102030405060708090a0b0c0d0e0f2ae15a1cd61e059b40bec039fbc28249",
        ),
        (
            KEY,
            "deadbeef",
            "",
            "000102030405060708090a0b0c0d0e0f09af6a673af959ac5543cf10a01cefe2",
        ),
        (
            KEY,
            "0badc0de",
            "hello",
            "000102030405060708090a0b0c0d0e0f4bde1578ecdd1fdf9a547057600908ac",
        ),
        (
            "k",
            "deadbeef",
            "0123456789abcdef",
            "000102030405060708090a0b0c0d0e0f9674906b2a5552081137f1d992f726a8dee20db2d78535e782a38b0495f28114",
        ),
        (
            "pässwörd-키",
            "deadbeef",
            "한정판매 비밀번호",
            "000102030405060708090a0b0c0d0e0f4fe9a129a8535446ced769123643facac40ca4893ad67f504fa8f13849a1422e",
        ),
    ];

    #[test]
    fn agrees_with_springs_vectors() {
        for (key, salt, plain, hex) in VECTORS {
            let encryptor = Encryptor::new(key, salt).unwrap();
            assert_eq!(encryptor.encrypt_with_iv(plain, IV_0_TO_F), hex, "{plain}");
            assert_eq!(encryptor.decrypt(hex).unwrap(), plain);
            assert_eq!(encryptor.decrypt(&hex.to_uppercase()).unwrap(), plain);
        }
        let encryptor = Encryptor::new(KEY, DEFAULT_SALT).unwrap();
        assert_eq!(
            encryptor
                .decrypt("1e33bf3ef87086352c53e4d5fa1703acd0f8d815c4bdbec4d3c8cf54bda6f37b")
                .unwrap(),
            "redis-pass"
        );
        assert_eq!(
            hex::encode(encryptor.key.expose_secret()),
            "0b29c8a9678d25dccb83491f9a2b690f6ece6f5444f181b1568ff01a1dbf66c5"
        );
    }

    #[test]
    fn every_encryption_has_a_new_iv_and_reads_back() {
        let encryptor = Encryptor::new(KEY, DEFAULT_SALT).unwrap();
        let (one, two) = (encryptor.encrypt("x"), encryptor.encrypt("x"));
        assert_ne!(one, two);
        assert_eq!(encryptor.decrypt(&one).unwrap(), "x");
    }

    #[test]
    fn what_is_not_a_ciphertext_is_refused() {
        let encryptor = Encryptor::new(KEY, DEFAULT_SALT).unwrap();
        assert_eq!(encryptor.decrypt("zz"), Err(CipherError::NotHex));
        assert_eq!(encryptor.decrypt("00"), Err(CipherError::TooShort));
        assert_eq!(encryptor.decrypt(&"00".repeat(16)).unwrap(), "");
        assert_eq!(
            encryptor.decrypt(&"ff".repeat(17)),
            Err(CipherError::WrongKey)
        );
        assert_eq!(
            encryptor.decrypt(&"ff".repeat(32)),
            Err(CipherError::WrongKey)
        );
        assert!(Encryptor::new(KEY, "salt").is_err());
    }

    #[test]
    fn selectors_are_taken_off() {
        for (text, rest) in [
            ("{key:one}{secret:two}ab", "ab"),
            ("{plain}ab", "ab"),
            ("{plain}{key:x}ab", "{key:x}ab"),
            ("ab", "ab"),
            ("{cipher}ab", "{cipher}ab"),
        ] {
            assert_eq!(strip_selectors(text), rest);
        }
        let encryptor = Encryptor::new(KEY, DEFAULT_SALT).unwrap();
        let (_, _, plain, hex) = VECTORS[0];
        assert_eq!(encryptor.decrypt_setting("plain text"), None);
        assert_eq!(encryptor.decrypt_setting(&format!("x {PREFIX}{hex}")), None);
        assert_eq!(
            encryptor.decrypt_setting(&format!("{PREFIX}{{key:a}}{hex}")),
            Some(Ok(plain.to_owned()))
        );
        assert!(matches!(encryptor.decrypt_setting(PREFIX), Some(Err(_))));
        assert!(matches!(
            encryptor.decrypt_setting(&format!("{PREFIX} {hex}")),
            Some(Err(_))
        ));
    }
}
