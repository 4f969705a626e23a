//! What decides whether a product may be taken at all, besides how many there are.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use mall_types::UserId;

/// When a product opens and how many pieces one buyer may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Before this nothing is taken; `None`: always open.
    pub opens: Option<DateTime<Utc>>,
    /// Pieces that one buyer may hold, >= 1; `None`: as many as there are.
    pub limit: Option<i64>,
}

impl Facts {
    /// The opening time, when it has not come yet.
    pub fn closed(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.opens.filter(|opens| now < *opens)
    }
}

/// What each buyer asks for in a batch, ascending by buyer.
pub fn sums(asked: &[(UserId, i64)]) -> Vec<(UserId, i64)> {
    let mut sums = std::collections::BTreeMap::new();
    for (buyer, pieces) in asked {
        let sum: &mut i64 = sums.entry(*buyer).or_default();
        *sum = sum.saturating_add(*pieces);
    }
    sums.into_iter().collect()
}

/// Who of a batch fits under the limit, first come first served, for buyers who held so many before (absent: all of theirs
/// fit). One word per request: `None` fits, `Some(left)` does not, so many would have fitted.
pub fn admit(
    asked: &[(UserId, i64)],
    held: &HashMap<UserId, i64>,
    limit: i64,
) -> (Vec<Option<i64>>, HashMap<UserId, i64>) {
    let mut held = held.clone();
    let words = asked
        .iter()
        .map(|(buyer, pieces)| {
            let held = held.get_mut(buyer)?;
            let left = (limit - *held).max(0);
            if *pieces > left {
                return Some(left);
            }
            *held += *pieces;
            None
        })
        .collect();
    (words, held)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: UserId = UserId(1);
    const B: UserId = UserId(2);

    #[test]
    fn a_product_opens_to_the_instant() {
        let opens: DateTime<Utc> = "2027-05-01T01:00:00Z".parse().unwrap();
        let facts = Facts {
            opens: Some(opens),
            limit: None,
        };
        assert_eq!(
            facts.closed(opens - chrono::Duration::microseconds(1)),
            Some(opens)
        );
        assert_eq!(facts.closed(opens), None);
        assert_eq!(Facts::default().closed(opens), None);
    }

    #[test]
    fn a_buyer_over_the_limit_keeps_nobody_else_out() {
        let asked = [(A, 1), (B, 2), (A, 2), (A, 1), (B, 1)];
        assert_eq!(sums(&asked), [(A, 4), (B, 3)]);
        // A held one of two before; B is not over the limit at all.
        let (words, held) = admit(&asked, &HashMap::from([(A, 1)]), 2);
        assert_eq!(words, [None, None, Some(0), Some(0), None]);
        assert_eq!(held[&A], 2);
    }

    #[test]
    fn a_smaller_request_fits_where_a_larger_one_did_not() {
        let (words, held) = admit(&[(A, 3), (A, 1), (A, 2)], &HashMap::from([(A, 0)]), 2);
        assert_eq!(words, [Some(2), None, Some(1)]);
        assert_eq!(held[&A], 1);
    }
}
