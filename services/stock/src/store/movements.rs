//! `stock_movement`: the ledger. Its sums are the product's row in `stock_item`.

use chrono::{DateTime, Utc};
use mall_stock_api::ReservationState;
use mall_types::ProductId;
use sqlx::MySqlConnection;

/// What moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// Supply came or went; signed.
    Supply(i64),
    /// Available to held.
    Hold(i64),
    /// Held to sold.
    Sell(i64),
    /// Back to available.
    Return(ReservationState, i64),
}

impl Movement {
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Supply(_) => "SUPPLY",
            Self::Hold(_) => "HOLD",
            Self::Sell(_) => "SELL",
            Self::Return(..) => "RETURN",
        }
    }

    /// By how much supplied, available, held and sold change; the first is the sum of the others.
    pub(super) fn deltas(self) -> [i64; 4] {
        match self {
            Self::Supply(n) => [n, n, 0, 0],
            Self::Hold(n) => [0, -n, n, 0],
            Self::Sell(n) => [0, 0, -n, n],
            Self::Return(ReservationState::Sold, n) => [0, n, 0, -n],
            Self::Return(_, n) => [0, n, -n, 0],
        }
    }
}

/// Appends a movement that `reservations` reservations share.
pub async fn append(
    conn: &mut MySqlConnection,
    id: ProductId,
    movement: Movement,
    reservations: usize,
    reference: &str,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let [supplied, available, held, sold] = movement.deltas();
    sqlx::query(
        "INSERT INTO stock_movement (product_id, kind, supplied, available, held, sold, reservations, reference, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.0)
    .bind(movement.kind())
    .bind(supplied)
    .bind(available)
    .bind(held)
    .bind(sold)
    .bind(i32::try_from(reservations).unwrap_or(i32::MAX))
    .bind(reference)
    .bind(now.naive_utc())
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_movement_conserves() {
        for movement in [
            Movement::Supply(5),
            Movement::Supply(-2),
            Movement::Hold(3),
            Movement::Sell(3),
            Movement::Return(ReservationState::Held, 3),
            Movement::Return(ReservationState::Sold, 3),
        ] {
            let [supplied, available, held, sold] = movement.deltas();
            assert_eq!(supplied, available + held + sold, "{movement:?}");
        }
    }
}
