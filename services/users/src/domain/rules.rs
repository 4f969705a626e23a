//! The other fields. The original states them as regular expressions; they are written out here, because the password's
//! needs look-ahead.

/// The most characters of a name or an address.
pub const MAX_TEXT: usize = 255;

const SPECIAL: &str = "@$!%*?&";

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordFault {
    /// It breaks one of the composition rules, or is shorter than 8.
    Rules,
    /// It is longer than the setting allows.
    TooLong,
}

/// The first fault of a new password; `None` for a good one.
///
/// At least 8 characters; at least six letters in a row, a digit, and one of `@$!%*?&`; no other characters.
pub fn password_fault(password: &str, max_length: usize) -> Option<PasswordFault> {
    if password.len() > max_length {
        return Some(PasswordFault::TooLong);
    }
    let mut row = 0;
    let (mut longest_row, mut digit, mut special) = (0, false, false);
    for c in password.chars() {
        row = if c.is_ascii_alphabetic() { row + 1 } else { 0 };
        longest_row = longest_row.max(row);
        digit |= c.is_ascii_digit();
        special |= SPECIAL.contains(c);
        if !(c.is_ascii_alphanumeric() || SPECIAL.contains(c)) {
            return Some(PasswordFault::Rules);
        }
    }
    (password.len() < 8 || longest_row < 6 || !digit || !special).then_some(PasswordFault::Rules)
}

/// Whether `text` is digits in groups of these lengths, with `-` between them.
fn is_digit_groups(text: &str, lengths: &[&[usize]]) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.len() == lengths.len()
        && groups.iter().zip(lengths).all(|(group, lengths)| {
            lengths.contains(&group.len()) && group.bytes().all(|b| b.is_ascii_digit())
        })
}

/// 010-123-4567 or 010-1234-5678.
pub fn is_phone(text: &str) -> bool {
    text.starts_with("010-") && is_digit_groups(text, &[&[3], &[3, 4], &[4]])
}

/// 6 digits, a dash, 7 digits.
pub fn is_registration(text: &str) -> bool {
    is_digit_groups(text, &[&[6], &[7]])
}

/// A name or an address: not longer than [`MAX_TEXT`], without control characters.
pub fn is_plain_text(text: &str) -> bool {
    text.chars().count() <= MAX_TEXT && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords() {
        let long = format!("Abcdefg1!{}", "x".repeat(200));
        for good in [
            "Abcdefg1!",
            "1!abcdef@9",
            "abcdefghijklm1!x",
            "Qwertyu2@",
            "abcdef1&",
            long.as_str(),
        ] {
            assert_eq!(password_fault(good, 256), None, "{good}");
        }
        for bad in [
            "",
            "x",
            "abcdef1",
            "abcde1!x",
            "abc1!defg",
            "abcdefg1#",
            "abcdefgh!",
            "abcdefgh1",
            "Abcdefg1! ",
            " Abcdefg1!",
            "Abcdefg1!가",
            "ａｂｃｄｅｆ1!",
            "Admin!2345",
            "Abcdefg1!\n",
        ] {
            assert_eq!(
                password_fault(bad, 256),
                Some(PasswordFault::Rules),
                "{bad:?}"
            );
        }
        assert_eq!(
            password_fault(&format!("Abcdefg1!{}", "x".repeat(248)), 256),
            Some(PasswordFault::TooLong)
        );
        assert_eq!(
            password_fault(&format!("Abcdefg1!{}", "x".repeat(247)), 256),
            None
        );
    }

    #[test]
    fn phones() {
        for good in ["010-1234-5678", "010-123-4567"] {
            assert!(is_phone(good), "{good}");
        }
        for bad in [
            "",
            "x",
            "1",
            "010-12-3456",
            "010-12345-6789",
            "011-1234-5678",
            "01012345678",
            "010-1234-567",
            "010-1234-５678",
            "010-1234-5678 ",
        ] {
            assert!(!is_phone(bad), "{bad}");
        }
    }

    #[test]
    fn registration_numbers() {
        assert!(is_registration("900101-1234567"));
        for bad in [
            "",
            "x",
            "900101-12345678",
            "90010-1234567",
            "9001011234567",
            "900101-1234567-",
            "900101-123456a",
        ] {
            assert!(!is_registration(bad), "{bad}");
        }
    }

    #[test]
    fn plain_texts() {
        assert!(is_plain_text("서울시 강남구 1"));
        assert!(is_plain_text(&"가".repeat(MAX_TEXT)));
        assert!(!is_plain_text(&"가".repeat(MAX_TEXT + 1)));
        assert!(!is_plain_text("kim\r\nadmin logged in"));
        assert!(!is_plain_text("\u{1b}[31m"));
    }
}
