//! Short hexadecimal ids that are copied instead of allocated.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Serialize, Serializer};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// `N` lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hex<const N: usize>([u8; N]);

/// Not `N` lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the wanted number of lower-case hexadecimal digits")]
pub struct NotHex;

impl<const N: usize> Hex<N> {
    /// The last `N` digits of a number.
    pub fn of(mut number: u128) -> Self {
        let mut digits = [b'0'; N];
        for digit in digits.iter_mut().rev() {
            *digit = DIGITS[(number & 15) as usize];
            number >>= 4;
        }
        Self(digits)
    }

    /// Nothing but zeros.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|digit| *digit == b'0')
    }
}

impl<const N: usize> Deref for Hex<N> {
    type Target = str;

    fn deref(&self) -> &str {
        // Nothing but digits ever gets in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = NotHex;

    fn from_str(text: &str) -> Result<Self, NotHex> {
        let digits: [u8; N] = text.as_bytes().try_into().map_err(|_| NotHex)?;
        if digits.iter().all(|digit| DIGITS.contains(digit)) {
            Ok(Self(digits))
        } else {
            Err(NotHex)
        }
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts() {
        assert_eq!(&*Hex::<4>::of(0x1_02af), "02af");
        assert_eq!("02af".parse(), Ok(Hex::<4>::of(0x2af)));
        assert!(Hex::<4>::of(0x1_0000).is_zero());
        for bad in ["", "02a", "02af0", "02AF", "02ag", "0\u{e9}a"] {
            assert_eq!(bad.parse::<Hex<4>>(), Err(NotHex), "{bad}");
        }
    }
}
