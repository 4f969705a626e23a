//! The one reading of a request's path, made before anything is decided by it.
//!
//! A gateway and a service that read a path differently are a hole: `/cart;x=1/getCart` once passed the original's role
//! check and still reached the cart. So whatever can be read in two ways is refused here, and what passes is forwarded in
//! the form in which it was checked: decoded, slashes collapsed, and encoded again in one canonical way.

use std::borrow::Cow;

/// Why a path goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadPath {
    /// Readable in more than one way, or not a path at all: 400.
    Ambiguous,
    /// `//` in front: never a path of ours, 404.
    NotFound,
}

/// A path that was read: starts with one slash, no empty, `.` or `..` segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPath<'a> {
    decoded: Cow<'a, str>,
    canonical: Option<String>,
    slash_at_end: bool,
}

impl<'a> RequestPath<'a> {
    /// Reads the path of a request line as it came, still percent-encoded and without the query.
    pub fn read(raw: &'a str) -> Result<Self, BadPath> {
        if !raw.starts_with('/') {
            return Err(BadPath::Ambiguous);
        }
        let decoded = decode(raw)?;
        let has_dots =
            decoded.contains("/.") && decoded.split('/').any(|part| part == "." || part == "..");
        if has_dots {
            return Err(BadPath::Ambiguous);
        }
        if decoded.starts_with("//") {
            return Err(BadPath::NotFound);
        }
        let decoded = if decoded.contains("//") {
            Cow::Owned(collapse(&decoded))
        } else {
            decoded
        };
        let slash_at_end = decoded.len() > 1 && decoded.ends_with('/');
        // The canonical form only differs from the decoded one where a letter can't stand in a request line.
        let canonical = if decoded.bytes().all(stands_raw) {
            None
        } else {
            Some(encode(&decoded))
        };
        Ok(Self {
            decoded,
            canonical,
            slash_at_end,
        })
    }

    /// Decoded: what routes and roles are decided by.
    pub fn decoded(&self) -> &str {
        &self.decoded
    }

    /// What is forwarded: the decoded path, encoded again where a request line needs it.
    pub fn canonical(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.decoded)
    }

    /// No path of the mall ends with a slash.
    pub fn has_slash_at_end(&self) -> bool {
        self.slash_at_end
    }

    /// The segments, without an empty one at the end.
    pub fn segments(&self) -> impl Iterator<Item = &str> + Clone {
        self.decoded.split('/').filter(|part| !part.is_empty())
    }
}

fn decode(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    if raw.bytes().any(is_refused) {
        return Err(BadPath::Ambiguous);
    }
    if !raw.contains('%') {
        return Ok(Cow::Borrowed(raw));
    }
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let high = bytes
                .get(at + 1)
                .copied()
                .and_then(hex)
                .ok_or(BadPath::Ambiguous)?;
            let low = bytes
                .get(at + 2)
                .copied()
                .and_then(hex)
                .ok_or(BadPath::Ambiguous)?;
            let byte = high * 16 + low;
            // An encoded slash makes other segments of the same path, an encoded percent sign asks to be decoded twice.
            if is_refused(byte) || byte == b'/' || byte == b'%' {
                return Err(BadPath::Ambiguous);
            }
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    let text = String::from_utf8(out).map_err(|_| BadPath::Ambiguous)?;
    // U+0080 to U+009F are control characters too, and two bytes long.
    if text.chars().any(char::is_control) {
        return Err(BadPath::Ambiguous);
    }
    Ok(Cow::Owned(text))
}

fn is_refused(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7f || byte == b';' || byte == b'\\'
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn collapse(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter == '/' && out.ends_with('/') {
            continue;
        }
        out.push(letter);
    }
    out
}

/// RFC 3986's `pchar` and the slash.
fn stands_raw(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@/".contains(&byte)
}

fn encode(path: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(path.len() + 16);
    for byte in path.bytes() {
        if stands_raw(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Result<(String, String), BadPath> {
        RequestPath::read(raw).map(|path| (path.decoded().to_owned(), path.canonical().to_owned()))
    }

    #[test]
    fn plain_paths_are_borrowed_and_unchanged() {
        for raw in [
            "/",
            "/cart/getCart",
            "/product/detail/3",
            "/a-b_c~d/e.f",
            "/x/.well-known",
            "/x/...",
            "/a:b@c",
        ] {
            let path = RequestPath::read(raw).unwrap();
            assert_eq!(path.decoded(), raw);
            assert_eq!(path.canonical(), raw);
            assert!(matches!(path.decoded, Cow::Borrowed(_)), "{raw} was copied");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for raw in [
            "",
            "*",
            "cart/getCart",
            "/cart;x=1/getCart",
            "/cart/getCart;x=1",
            "/cart;/getCart",
            "/cart%3Bx=1/getCart",
            "/cart/..;/admin",
            "/cart/../admin",
            "/cart/./getCart",
            "/cart/..",
            "/cart/.",
            "/..",
            "/cart/%2e%2e/admin",
            "/cart/%2E./admin",
            "/cart/.%2e/admin",
            "/cart/%2e",
            "/cart%2FgetCart",
            "/cart%2fgetCart",
            "/cart\\getCart",
            "/cart%5CgetCart",
            "/cart%5cgetCart",
            "/cart%25getCart",
            "/cart/%252e%252e/x",
            "/cart%00",
            "/cart/get%0aCart",
            "/cart/get%0d%0aCart",
            "/cart/%7f",
            "/cart/\u{1}",
            "/cart/%c2%85",
            "/cart/%zz",
            "/cart/%",
            "/cart/%4",
            "/cart/%c0%af",
            "/cart/%ff",
            "//cart;x/getCart",
        ] {
            assert_eq!(read(raw), Err(BadPath::Ambiguous), "{raw}");
        }
    }

    #[test]
    fn other_encoded_letters_are_decoded_and_forwarded_decoded() {
        assert_eq!(
            read("/c%61rt/get%43art").unwrap(),
            ("/cart/getCart".into(), "/cart/getCart".into())
        );
        assert_eq!(
            read("/product/%61dmin/add").unwrap().0,
            "/product/admin/add"
        );
        assert_eq!(
            read("/x/a%20b").unwrap(),
            ("/x/a b".into(), "/x/a%20b".into())
        );
        assert_eq!(
            read("/x/%EA%b0%80").unwrap(),
            ("/x/가".into(), "/x/%EA%B0%80".into())
        );
        assert_eq!(
            read("/x/가").unwrap(),
            ("/x/가".into(), "/x/%EA%B0%80".into())
        );
        assert_eq!(
            read("/x/%3Fa=b%23c").unwrap(),
            ("/x/?a=b#c".into(), "/x/%3Fa=b%23c".into())
        );
    }

    #[test]
    fn slashes() {
        assert_eq!(read("//cart/getCart"), Err(BadPath::NotFound));
        assert_eq!(read("//"), Err(BadPath::NotFound));
        assert_eq!(read("/cart//getCart").unwrap().1, "/cart/getCart");
        assert_eq!(read("/cart////getCart").unwrap().1, "/cart/getCart");
        assert!(
            RequestPath::read("/cart/getCart/")
                .unwrap()
                .has_slash_at_end()
        );
        assert!(
            RequestPath::read("/cart/getCart//")
                .unwrap()
                .has_slash_at_end()
        );
        assert!(!RequestPath::read("/").unwrap().has_slash_at_end());
        assert!(!RequestPath::read("/cart").unwrap().has_slash_at_end());
    }

    #[test]
    fn reading_the_canonical_form_again_changes_nothing() {
        for raw in [
            "/a%20b//c",
            "/%EA%B0%80/x",
            "/c%61rt/%3F",
            "/a+b/%2B",
            "/x/%22%3C%3E",
        ] {
            let once = RequestPath::read(raw).unwrap();
            let twice = RequestPath::read(once.canonical()).unwrap();
            assert_eq!(once.decoded(), twice.decoded());
            assert_eq!(once.canonical(), twice.canonical());
        }
    }

    #[test]
    fn segments_have_no_empty_one() {
        let path = RequestPath::read("/product/admin/").unwrap();
        assert_eq!(path.segments().collect::<Vec<_>>(), ["product", "admin"]);
    }
}
