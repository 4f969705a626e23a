//! The token in a request's `Authorization` header.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// What the header holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Bearer<'a> {
    Missing,
    /// Something, but nothing that could be one token.
    Unreadable,
    Token(&'a str),
}

/// Reads the token. The word `Bearer` is read in any case and, as in the original, not demanded.
pub fn read(headers: &HeaderMap) -> Bearer<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Bearer::Missing;
    };
    // Of two headers each of us might believe another one.
    if values.next().is_some() {
        return Bearer::Unreadable;
    }
    let Ok(text) = value.to_str() else {
        return Bearer::Unreadable;
    };
    let text = text.trim_matches([' ', '\t']);
    let token = match text.split_once([' ', '\t']) {
        Some((word, rest)) if word.eq_ignore_ascii_case("bearer") => {
            rest.trim_start_matches([' ', '\t'])
        }
        Some(_) => return Bearer::Unreadable,
        None if text.eq_ignore_ascii_case("bearer") => "",
        None => text,
    };
    match token {
        "" => Bearer::Missing,
        token if token.contains([' ', '\t']) => Bearer::Unreadable,
        token => Bearer::Token(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_word_is_read_in_any_case_and_not_demanded() {
        for value in [
            "Bearer a.b.c",
            "bearer a.b.c",
            "BEARER a.b.c",
            "Bearer   a.b.c",
            "Bearer\ta.b.c",
            "a.b.c",
            " a.b.c ",
        ] {
            assert_eq!(read(&with(&[value])), Bearer::Token("a.b.c"), "{value}");
        }
    }

    #[test]
    fn nothing_and_nonsense() {
        assert_eq!(read(&with(&[])), Bearer::Missing);
        for value in ["", "Bearer", "bearer ", "  "] {
            assert_eq!(read(&with(&[value])), Bearer::Missing, "{value:?}");
        }
        for value in ["Basic a.b.c", "Bearer a b", "a.b.c d"] {
            assert_eq!(read(&with(&[value])), Bearer::Unreadable, "{value}");
        }
        assert_eq!(read(&with(&["Bearer a", "Bearer a"])), Bearer::Unreadable);
        let mut headers = HeaderMap::new();
        headers.insert(
            AUTHORIZATION,
            http::HeaderValue::from_bytes(b"Bearer \xff").unwrap(),
        );
        assert_eq!(read(&headers), Bearer::Unreadable);
    }
}
