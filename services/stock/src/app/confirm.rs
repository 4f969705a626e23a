//! Confirming: a held reservation is sold. Redis is not concerned: the pieces left the shelf when they were held.

use mall_db::{TxError, is_null_refused};
use mall_stock_api::ReservationState as State;
use uuid::Uuid;

use crate::domain::{Existing, Refusal, Step, sell};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::bookings::Statements;

/// A reservation that has moved on since it was read is read again. Nothing leads back, so twice is all that can be.
const LOOKS: usize = 3;

impl Stock {
    /// `HELD` becomes `SOLD`; repeating it changes nothing.
    pub async fn confirm(&self, id: Uuid) -> Result<State, Failure> {
        self.step(id, State::Sold, sell).await?;
        self.faults.reach("confirm.written").await;
        Ok(State::Sold)
    }

    /// Takes a reservation to a state, and its pieces with it; `None`: it was there already. The guards stand in the message that
    /// commits.
    pub(super) async fn step(
        &self,
        id: Uuid,
        to: State,
        next: fn(State) -> Result<Step, Refusal>,
    ) -> Result<Option<Existing>, Failure> {
        for _ in 0..LOOKS {
            let Some(existing) = self.existing(id).await? else {
                return Err(Refusal::ReservationUnknown.into());
            };
            let Step::From(from) = next(existing.state)? else {
                return Ok(None);
            };
            let given_back = (to == State::Released).then_some(existing.counted.as_slice());
            let mut end = Statements::at(self.clock.now());
            end.step(
                id,
                (from, to),
                existing.buyer.zip(given_back),
                &existing.lines,
            );
            match self.end("step_reservation", end).await {
                Ok(()) => return Ok(Some(existing)),
                Err(TxError::Db(error)) if is_null_refused(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // The books contradict each other: a reservation says that pieces are held or sold, their product, or the buyer's allowance,
        // says that they are not.
        tracing::error!(reservation.id = %id, "the books of reservation {id} do not balance: it can't become {}", to.as_str());
        let error = sqlx::Error::Protocol(format!("reservation {id} and its items do not balance"));
        Err(TxError::<Refusal>::Db(error).into())
    }
}
