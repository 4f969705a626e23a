//! A product.

use chrono::{DateTime, Utc};
use mall_types::{ProductId, Won};

/// Why something about a product is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such product.
    Unknown,
    /// The product is new and stock has not heard of it yet.
    StockNotReady,
}

/// A product as the catalogue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name.
    pub name: String,
    /// A description.
    pub description: Option<String>,
    /// Its price.
    pub price: Won,
    /// When it opens; only a limited edition has that.
    pub opens: Option<DateTime<Utc>>,
    /// How many pieces one buyer may hold, >= 1; `None`: no limit.
    pub limit: Option<i64>,
    /// The picture that lists show.
    pub thumb: Option<Thumb>,
}

/// The picture that lists show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumb {
    /// Its address.
    pub url: String,
    /// Its name.
    pub name: Option<String>,
}

/// A picture.
pub type Image = Thumb;

/// A picture to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImage {
    /// The picture.
    pub image: Image,
    /// Whether lists shall show it from now on.
    pub thumbnail: bool,
}

/// What an edit changes of the product itself; `None` = as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductEdit {
    /// A new description.
    pub description: Option<String>,
    /// A new price.
    pub price: Option<Won>,
    /// One more picture.
    pub image: Option<NewImage>,
    /// A new limit per buyer.
    pub limit: Option<i64>,
}

impl Product {
    /// Whether it is a limited edition.
    pub fn is_limited(&self) -> bool {
        self.opens.is_some()
    }

    /// Whether it can be ordered at this time: always, unless it is a limited edition before its opening.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.opens.is_none_or(|opens| opens <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_limited_edition_opens_at_its_time_and_others_are_open() {
        let mut product = Product {
            id: ProductId(1),
            name: "Mug".into(),
            description: None,
            price: Won(1),
            opens: Some(at("2027-05-01T01:00:00Z")),
            limit: None,
            thumb: None,
        };
        assert!(product.is_limited());
        assert!(!product.is_open(at("2027-05-01T00:59:59Z")));
        assert!(product.is_open(at("2027-05-01T01:00:00Z")));
        product.opens = None;
        assert!(!product.is_limited() && product.is_open(at("1999-01-01T00:00:00Z")));
    }
}
