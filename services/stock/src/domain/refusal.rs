//! Why a change is definitely refused: nothing was changed, and repeating it will not help.

use chrono::{DateTime, Utc};
use mall_types::ProductId;

/// A definite no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing is left.
    SoldOut(ProductId),
    /// Something is left, but fewer than asked.
    Insufficient {
        /// Of this product.
        product: ProductId,
        /// So many are left.
        available: i64,
    },
    /// The product has not opened yet.
    NotYetOpen {
        /// This product.
        product: ProductId,
        /// When it opens.
        opens: DateTime<Utc>,
    },
    /// The buyer would hold more than one buyer may.
    OverLimit {
        /// Of this product.
        product: ProductId,
        /// So many one buyer may hold.
        limit: i64,
        /// So many more this one may take.
        remaining: i64,
    },
    /// Stock knows no such product.
    ProductUnknown(ProductId),
    /// No reservation has this id.
    ReservationUnknown,
    /// The reservation was released.
    Closed,
    /// The id is in use for another reservation.
    ReservationMismatch,
    /// The adjustment id was used for another change.
    AdjustmentMismatch,
    /// The available count would go below zero.
    BelowZero {
        /// Of this product.
        product: ProductId,
        /// So many are left.
        available: i64,
    },
    /// The available count would go above what can be counted.
    TooMany(ProductId),
}

impl Refusal {
    /// The refusal of a request for more than the `available` pieces.
    pub fn short(product: ProductId, available: i64) -> Self {
        if available <= 0 {
            Self::SoldOut(product)
        } else {
            Self::Insufficient { product, available }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sold_out_and_too_few_are_told_apart() {
        assert_eq!(
            Refusal::short(ProductId(1), 0),
            Refusal::SoldOut(ProductId(1))
        );
        assert_eq!(
            Refusal::short(ProductId(1), 2),
            Refusal::Insufficient {
                product: ProductId(1),
                available: 2
            }
        );
    }
}
