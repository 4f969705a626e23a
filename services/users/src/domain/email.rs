//! E-mail addresses.

use std::fmt;

/// An e-mail address: trimmed, in small letters. Its `Debug` text hides it, and there is no `Display`: it is personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address as people write it. `a@b` is one, as in the original.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        if text.len() > 254 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return None;
        }
        // What can't be written into a mail's envelope is no address.
        text.parse::<lettre::Address>().ok()?;
        Some(Self(text))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trimmed_and_without_regard_to_case() {
        assert_eq!(
            Email::parse(" KIM@Mall.Example \n").unwrap().as_str(),
            "kim@mall.example"
        );
        assert_eq!(
            Email::parse("KIM@mall.example"),
            Email::parse("kim@mall.example")
        );
        assert!(Email::parse("a@b").is_some());
        assert!(Email::parse("kim+tag@mall.example").is_some());
    }

    #[test]
    fn no_addresses() {
        let long = format!("{}@mall.example", "a".repeat(250));
        for bad in [
            "",
            " ",
            "nope",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@b\r\nBcc: x@y",
            "a\0@b",
            "a@-b.example",
            "<a@b>",
            "Kim <a@b>",
            long.as_str(),
        ] {
            assert!(Email::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn is_not_printed() {
        assert_eq!(
            format!("{:?}", Email::parse("kim@mall.example")),
            "Some(Email(..))"
        );
    }
}
