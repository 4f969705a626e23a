//! A request for pieces, checked and put into the order in which it is worked on.

pub use mall_stock_api::MAX_PIECES;
use mall_stock_api::{MAX_LINES, Reserve, ReserveLine};
use mall_types::{ProductId, UserId};
use uuid::Uuid;

/// Pieces of one product.
pub type Line = ReserveLine;

/// A checked request: at least one line, ascending products, each once, each at least one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The caller's id for it.
    pub id: Uuid,
    /// Who buys.
    pub buyer: UserId,
    /// Ascending by product: every reservation takes its products in the same direction.
    pub lines: Vec<Line>,
}

/// What is wrong with a request: the field and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadOrder {
    /// The id is no UUID.
    Id,
    /// There are no lines, or too many.
    Lines,
    /// A product is named twice.
    Twice,
    /// A quantity is below 1.
    Quantity,
}

/// Reads a reservation id; only the canonical form with hyphens, so that one id has one spelling.
pub fn read_id(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (text.len() == 36).then_some(id)
}

impl Order {
    /// Checks a request.
    pub fn read(request: &Reserve) -> Result<Self, BadOrder> {
        let id = read_id(&request.reservation_id).ok_or(BadOrder::Id)?;
        if request.lines.is_empty() || request.lines.len() > MAX_LINES {
            return Err(BadOrder::Lines);
        }
        if request.lines.iter().any(|line| line.quantity < 1) {
            return Err(BadOrder::Quantity);
        }
        let mut lines = request.lines.clone();
        lines.sort_by_key(|line| line.product_id);
        if lines
            .windows(2)
            .any(|pair| pair[0].product_id == pair[1].product_id)
        {
            return Err(BadOrder::Twice);
        }
        Ok(Self {
            id,
            buyer: request.buyer,
            lines,
        })
    }

    /// The only line, if there is only one: such requests are combined.
    pub fn single(&self) -> Option<Line> {
        match self.lines.as_slice() {
            [line] => Some(*line),
            _ => None,
        }
    }

    /// The products, ascending.
    pub fn products(&self) -> impl Iterator<Item = ProductId> {
        self.lines.iter().map(|line| line.product_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &[(i64, i64)]) -> Reserve {
        Reserve {
            reservation_id: "0190b7c2-7e5b-7000-8000-000000000001".into(),
            buyer: UserId(1),
            lines: lines
                .iter()
                .map(|&(product, quantity)| Line {
                    product_id: ProductId(product),
                    quantity,
                })
                .collect(),
        }
    }

    #[test]
    fn lines_are_worked_on_by_ascending_product() {
        let order = Order::read(&request(&[(9, 1), (2, 5), (4, 1)])).unwrap();
        assert_eq!(
            order.products().map(|id| id.0).collect::<Vec<_>>(),
            [2, 4, 9]
        );
        assert_eq!(order.single(), None);
        assert_eq!(
            Order::read(&request(&[(3, 7)]))
                .unwrap()
                .single()
                .map(|line| line.quantity),
            Some(7)
        );
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Order::read(&request(&[])), Err(BadOrder::Lines));
        assert_eq!(
            Order::read(&request(&vec![(1, 1); MAX_LINES + 1])),
            Err(BadOrder::Lines)
        );
        assert_eq!(Order::read(&request(&[(1, 0)])), Err(BadOrder::Quantity));
        assert_eq!(Order::read(&request(&[(1, -4)])), Err(BadOrder::Quantity));
        assert_eq!(
            Order::read(&request(&[(1, 1), (2, 1), (1, 2)])),
            Err(BadOrder::Twice)
        );
        for id in [
            "",
            "x",
            "0190b7c27e5b70008000000000000001",
            "{0190b7c2-7e5b-7000-8000-000000000001}",
        ] {
            let mut bad = request(&[(1, 1)]);
            bad.reservation_id = id.into();
            assert_eq!(Order::read(&bad), Err(BadOrder::Id), "{id}");
        }
    }
}
