//! The header's value.

use http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::KEY_HEADER;

/// The longest key, in characters.
const LONGEST: usize = 255;

/// A key as a client sent it, without the quotes of a structured header.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Key(String);

/// The header is there, and is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadKey;

impl Key {
    /// Reads the header: `abc` (as Stripe has it) and `"abc"` (RFC 8941) are the same key.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Key>, BadKey> {
        let mut values = headers.get_all(KEY_HEADER).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(BadKey);
        }
        // Refuses everything but visible ASCII, blanks and tabs.
        let text = value.to_str().map_err(|_| BadKey)?.trim();
        let key = match text.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => text.to_owned(),
        };
        let visible = key.bytes().all(|b| b.is_ascii_graphic());
        if visible && (1..=LONGEST).contains(&key.len()) {
            Ok(Some(Key(key)))
        } else {
            Err(BadKey)
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// What the table knows it by.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.as_bytes()).into()
    }
}

/// The rest of a quoted string, after its first quote.
fn unquoted(text: &str) -> Result<String, BadKey> {
    let mut key = String::with_capacity(text.len());
    let mut chars = text.chars();
    loop {
        match chars.next().ok_or(BadKey)? {
            '"' => break,
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\')) => key.push(escaped),
                _ => return Err(BadKey),
            },
            other => key.push(other),
        }
    }
    if chars.next().is_some() {
        return Err(BadKey);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, BadKey> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(KEY_HEADER, HeaderValue::from_bytes(value).unwrap());
        }
        Key::of(&headers).map(|key| key.map(|key| key.0))
    }

    #[test]
    fn a_key_is_read_with_and_without_quotes() {
        let key = || Ok(Some("abc-1".to_owned()));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"abc-1"]), key());
        assert_eq!(read(&[b"\"abc-1\""]), key());
        assert_eq!(read(&[b"  abc-1 "]), key());
        assert_eq!(read(&[br#""a\"b\\c""#]), Ok(Some(r#"a"b\c"#.to_owned())));
        assert_eq!(read(&[&[b'k'; 255]]), Ok(Some("k".repeat(255))));
        let quoted = format!("\"{}\"", "k".repeat(255));
        assert_eq!(read(&[quoted.as_bytes()]), Ok(Some("k".repeat(255))));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let bad: &[&[&[u8]]] = &[
            &[b""],
            &[b"   "],
            &[b"\"\""],
            &[b"\""],
            &[b"\"abc"],
            &[b"\"abc\";p=1"],
            &[b"\"a\\bc\""],
            &[b"a b"],
            &[b"\"a b\""],
            &[b"a\tb"],
            &["키".as_bytes()],
            &[b"caf\xe9"],
            &[&[b'k'; 256]],
            &[b"a", b"b"],
            &[b"a", b"a"],
        ];
        for values in bad {
            assert_eq!(read(values), Err(BadKey), "{values:?}");
        }
    }

    #[test]
    fn keys_differ_by_case() {
        let hash = |text: &str| Key(text.to_owned()).hash();
        assert_ne!(hash("a"), hash("A"));
    }
}
