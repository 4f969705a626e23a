//! Values as text, for statements that are sent as text instead of prepared: a batch of any length, or several statements in one
//! message to the server.
//!
//! **Nothing written here can be taken for SQL**, whoever chose the value and whatever the server's `sql_mode` and character set are:
//! texts and bytes become hexadecimal digits, which need no escaping, and a time digits, signs and colons. Besides these, only
//! numbers and words of the program itself (the name of a state, say, or an id that was parsed) may stand in such a statement.

use std::fmt::{self, Display, from_fn};

use chrono::{DateTime, Utc};

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// The text as a literal of the character set `utf8mb4`: `_utf8mb4 X'6127ECBBB5'`. Whether it equals another text is decided by the
/// collation of the column that it is held against, as with a parameter.
pub fn text(text: &str) -> impl Display {
    from_fn(|f| {
        f.write_str("_utf8mb4 ")?;
        hexadecimal(text.as_bytes(), f)
    })
}

/// The bytes as a binary literal: `X'00FF'`, `X''` for none.
pub fn bytes(bytes: impl AsRef<[u8]>) -> impl Display {
    from_fn(move |f| hexadecimal(bytes.as_ref(), f))
}

/// The time as a literal, in UTC and to the microsecond, as `DATETIME(6)` holds it: `'2027-05-01 01:00:00.250000'`. What is finer is
/// cut off.
pub fn time(at: DateTime<Utc>) -> String {
    at.naive_utc().format("'%Y-%m-%d %H:%M:%S%.6f'").to_string()
}

fn hexadecimal(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("X'")?;
    // A statement may have thousands of ids, of 16 bytes each: one call an id, not one a digit.
    let mut digits = [0; 64];
    for piece in bytes.chunks(digits.len() / 2) {
        for (pair, byte) in digits.chunks_exact_mut(2).zip(piece) {
            pair.copy_from_slice(&[
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]);
        }
        let digits = &digits[..2 * piece.len()];
        f.write_str(std::str::from_utf8(digits).map_err(|_| fmt::Error)?)?;
    }
    f.write_str("'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_two_digits_each() {
        assert_eq!(bytes([0, 0x0a, 0xa0, 0xff]).to_string(), "X'000AA0FF'");
        assert_eq!(bytes([]).to_string(), "X''");
        let all: Vec<u8> = (0..=255).collect();
        let plain: String = all.iter().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(bytes(&all).to_string(), format!("X'{plain}'"));
    }

    #[test]
    fn texts_have_their_character_set() {
        assert_eq!(text("a'컵").to_string(), "_utf8mb4 X'6127ECBBB5'");
        assert_eq!(text("").to_string(), "_utf8mb4 X''");
    }

    #[test]
    fn nothing_in_a_text_can_end_it() {
        for evil in [
            "'",
            "\\'",
            "\0",
            "'; DROP TABLE orders; -- ",
            "\u{1a}",
            "𝒳'",
            "/*",
            "X'",
            "?",
        ] {
            let sql = text(evil).to_string();
            let digits = sql.strip_prefix("_utf8mb4 X'").unwrap();
            let digits = digits.strip_suffix('\'').unwrap();
            assert!(
                digits.bytes().all(|digit| digit.is_ascii_hexdigit()),
                "{sql}"
            );
            assert_eq!(digits.len(), evil.len() * 2);
        }
    }

    #[test]
    fn times_are_digits_whatever_they_are() {
        let at = "2027-05-01T01:00:00.25Z".parse().unwrap();
        assert_eq!(time(at), "'2027-05-01 01:00:00.250000'");
        let finer = "2027-05-01T23:59:59.999999999Z".parse().unwrap();
        assert_eq!(time(finer), "'2027-05-01 23:59:59.999999'");
        for far in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let sql = time(far);
            let inside = sql.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap();
            let harmless = |one: char| one.is_ascii_digit() || "+-:. ".contains(one);
            assert!(inside.chars().all(harmless), "{sql}");
        }
    }
}
