//! The life of a reservation: `HELD` to `SOLD` to `RELEASED`, or `HELD` to `RELEASED`. Nothing leads back.

use mall_stock_api::ReservationState as State;
use mall_types::UserId;
use uuid::Uuid;

use super::{Line, Order, Refusal};

/// A reservation as it is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Existing {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub state: State,
    /// Who buys; nobody when the id was released before it took anything.
    pub buyer: Option<UserId>,
    /// Ascending by product; none when the id was released before it took anything.
    pub lines: Vec<Line>,
    /// Those of the lines that count in the buyer's allowance.
    pub counted: Vec<Line>,
}

/// What a change comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From this state to the next one.
    From(State),
    /// It is there already; nothing to do.
    Already,
}

impl Existing {
    /// The answer to a request whose id is booked already: the same request gets the same reservation.
    pub fn answer(&self, order: &Order) -> Result<State, Refusal> {
        if self.state == State::Released {
            return Err(Refusal::Closed);
        }
        if self.buyer != Some(order.buyer) || self.lines != order.lines {
            return Err(Refusal::ReservationMismatch);
        }
        Ok(self.state)
    }
}

/// Paying: `HELD` becomes `SOLD`, once.
pub fn sell(state: State) -> Result<Step, Refusal> {
    match state {
        State::Held => Ok(Step::From(State::Held)),
        State::Sold => Ok(Step::Already),
        State::Released => Err(Refusal::Closed),
    }
}

/// Giving back: from `HELD` and `SOLD`, once.
pub fn release(state: State) -> Step {
    match state {
        State::Held | State::Sold => Step::From(state),
        State::Released => Step::Already,
    }
}

#[cfg(test)]
mod tests {
    use mall_types::ProductId;

    use super::*;

    fn line(product: i64, quantity: i64) -> Line {
        Line {
            product_id: ProductId(product),
            quantity,
        }
    }

    #[test]
    fn the_same_request_gets_the_same_reservation_and_another_one_does_not() {
        let order = Order {
            id: Uuid::nil(),
            buyer: UserId(1),
            lines: vec![line(1, 2), line(3, 1)],
        };
        let mut booked = Existing {
            id: order.id,
            state: State::Held,
            buyer: Some(UserId(1)),
            lines: order.lines.clone(),
            counted: Vec::new(),
        };
        assert_eq!(booked.answer(&order), Ok(State::Held));
        booked.state = State::Sold;
        assert_eq!(booked.answer(&order), Ok(State::Sold));
        booked.lines[0].quantity = 3;
        assert_eq!(booked.answer(&order), Err(Refusal::ReservationMismatch));
        booked.lines = order.lines.clone();
        booked.buyer = Some(UserId(2));
        assert_eq!(booked.answer(&order), Err(Refusal::ReservationMismatch));
        booked.state = State::Released;
        assert_eq!(booked.answer(&order), Err(Refusal::Closed));
    }

    #[test]
    fn nothing_leads_out_of_released_and_nothing_happens_twice() {
        assert_eq!(sell(State::Held), Ok(Step::From(State::Held)));
        assert_eq!(sell(State::Sold), Ok(Step::Already));
        assert_eq!(sell(State::Released), Err(Refusal::Closed));
        assert_eq!(release(State::Held), Step::From(State::Held));
        assert_eq!(release(State::Sold), Step::From(State::Sold));
        assert_eq!(release(State::Released), Step::Already);
    }
}
