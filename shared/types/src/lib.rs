//! The words that every part of the mall shares: ids, money and roles.
//!
//! This is the one shared crate that knows business nouns. It holds parse-checked newtypes and nothing else: no entities,
//! no request bodies, no I/O.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = i64)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }

        impl From<i64> for $name {
            fn from(value: i64) -> Self {
                Self(value)
            }
        }
    };
}

id!(
    /// A shopper's or admin's account.
    UserId
);
id!(
    /// A product of the catalogue; the same number in products, stock, carts and orders.
    ProductId
);
id!(
    /// An order.
    OrderId
);
id!(
    /// One line of a cart. Never used again after the line is gone.
    CartId
);

/// The ids in a text like `3,1,3`, in its order, repeats kept, blanks around each allowed; an empty text has none. `None` when one
/// is no id, or when there are more than `most`.
pub fn id_list<T: FromStr>(text: &str, most: usize) -> Option<Vec<T>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    // One more than allowed is enough to know.
    let ids = text.split(',').take(most.saturating_add(1));
    let ids: Vec<T> = ids
        .map(|id| id.trim().parse().ok())
        .collect::<Option<_>>()?;
    (ids.len() <= most).then_some(ids)
}

/// An amount of money in whole Korean won.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(transparent)]
#[schema(value_type = i64)]
pub struct Won(pub i64);

impl Won {
    /// The price of `count` pieces; `None` when the sum does not fit.
    pub fn checked_mul(self, count: i64) -> Option<Won> {
        self.0.checked_mul(count).map(Won)
    }

    /// The sum; `None` when it does not fit.
    pub fn checked_add(self, other: Won) -> Option<Won> {
        self.0.checked_add(other.0).map(Won)
    }
}

impl fmt::Display for Won {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} KRW", self.0)
    }
}

/// What an account may do. An account whose e-mail is not verified has no role yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Role {
    /// A shopper.
    User,
    /// Runs the shop; is not a shopper.
    Admin,
}

impl Role {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "USER",
            Role::Admin => "ADMIN",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "USER" => Ok(Role::User),
            "ADMIN" => Ok(Role::Admin),
            _ => Err(UnknownRole),
        }
    }
}

/// A text that names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown role")
    }
}

impl std::error::Error for UnknownRole {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_strictly() {
        assert_eq!(
            id_list("3, 1,3", 3),
            Some(vec![ProductId(3), ProductId(1), ProductId(3)])
        );
        assert_eq!(id_list::<ProductId>("", 0), Some(Vec::new()));
        for bad in ["a", "1,", ",1", "1;2", "99999999999999999999", "1,1,1,1"] {
            assert_eq!(id_list::<ProductId>(bad, 3), None, "{bad}");
        }
    }

    #[test]
    fn money_never_wraps() {
        assert_eq!(Won(5).checked_mul(3), Some(Won(15)));
        assert_eq!(Won(i64::MAX).checked_mul(2), None);
        assert_eq!(Won(i64::MAX).checked_add(Won(1)), None);
    }

    #[test]
    fn roles_read_back_what_they_write() {
        for role in [Role::User, Role::Admin] {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert_eq!("user".parse::<Role>(), Err(UnknownRole));
    }
}
