//! From what is wanted to the lines of an order.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use mall_types::{CartId, ProductId, Won};

/// A line that a shopper wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub product: ProductId,
    pub quantity: i64,
    /// The cart line that it comes from.
    pub cart: Option<CartId>,
}

/// What is for sale, as products tells it at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub product: ProductId,
    pub name: String,
    pub price: Won,
    pub limited: bool,
    pub opens: Option<DateTime<Utc>>,
}

/// A line of an order; name and price are those of the moment of placing, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub product: ProductId,
    pub name: String,
    pub price: Won,
    pub quantity: i64,
    pub cart: Option<CartId>,
}

/// Why the lines can't be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such product (any more).
    Unknown(ProductId),
    /// A limited edition before its time; `None` when it has no time yet.
    NotYetOpen(ProductId, Option<DateTime<Utc>>),
    /// The sum is beyond all reason.
    TooExpensive,
}

/// Prices the lines: all of them or none. Answers them with their sum.
pub fn price(
    wanted: &[Wanted],
    offers: &HashMap<ProductId, Offer>,
    now: DateTime<Utc>,
) -> Result<(Vec<Line>, Won), Refusal> {
    let mut lines = Vec::with_capacity(wanted.len());
    let mut total = Won(0);
    for want in wanted {
        let offer = offers
            .get(&want.product)
            .ok_or(Refusal::Unknown(want.product))?;
        if offer.limited && offer.opens.is_none_or(|opens| now < opens) {
            return Err(Refusal::NotYetOpen(want.product, offer.opens));
        }
        total = offer
            .price
            .checked_mul(want.quantity)
            .and_then(|sum| total.checked_add(sum))
            .ok_or(Refusal::TooExpensive)?;
        lines.push(Line {
            product: want.product,
            name: offer.name.clone(),
            price: offer.price,
            quantity: want.quantity,
            cart: want.cart,
        });
    }
    Ok((lines, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text)
            .unwrap()
            .with_timezone(&Utc)
    }

    fn want(product: i64, quantity: i64) -> Wanted {
        Wanted {
            product: ProductId(product),
            quantity,
            cart: None,
        }
    }

    fn offer(product: i64, price: i64) -> Offer {
        Offer {
            product: ProductId(product),
            name: format!("P{product}"),
            price: Won(price),
            limited: false,
            opens: None,
        }
    }

    fn offers<const N: usize>(offers: [Offer; N]) -> HashMap<ProductId, Offer> {
        offers
            .into_iter()
            .map(|offer| (offer.product, offer))
            .collect()
    }

    const NOW: &str = "2024-05-01T10:00:00Z";

    #[test]
    fn lines_keep_name_and_price_and_add_up() {
        let (lines, total) = price(
            &[want(2, 3), want(1, 1)],
            &offers([offer(1, 100), offer(2, 5000)]),
            at(NOW),
        )
        .unwrap();
        assert_eq!(total, Won(15_100));
        assert_eq!(
            (lines[0].name.as_str(), lines[0].price, lines[0].quantity),
            ("P2", Won(5000), 3)
        );
        assert_eq!(lines[1].product, ProductId(1));
    }

    #[test]
    fn one_unknown_product_refuses_all() {
        assert_eq!(
            price(&[want(1, 1), want(9, 1)], &offers([offer(1, 1)]), at(NOW)),
            Err(Refusal::Unknown(ProductId(9)))
        );
    }

    #[test]
    fn a_limited_edition_opens_at_its_time_to_the_instant() {
        let opens = Some(at(NOW));
        let limited = offers([Offer {
            limited: true,
            opens,
            ..offer(1, 1)
        }]);
        let before = at("2024-05-01T09:59:59.999Z");
        assert_eq!(
            price(&[want(1, 1)], &limited, before),
            Err(Refusal::NotYetOpen(ProductId(1), opens))
        );
        assert!(price(&[want(1, 1)], &limited, at(NOW)).is_ok());
        let undated = offers([Offer {
            limited: true,
            ..offer(1, 1)
        }]);
        assert_eq!(
            price(&[want(1, 1)], &undated, at(NOW)),
            Err(Refusal::NotYetOpen(ProductId(1), None))
        );
    }

    #[test]
    fn a_sum_that_does_not_fit_is_refused() {
        assert_eq!(
            price(&[want(1, 10)], &offers([offer(1, i64::MAX)]), at(NOW)),
            Err(Refusal::TooExpensive)
        );
        let lines = [want(1, 1), want(1, 1)];
        assert_eq!(
            price(&lines, &offers([offer(1, i64::MAX)]), at(NOW)),
            Err(Refusal::TooExpensive)
        );
    }
}
