//! Confirming: a held reservation is sold. Redis is not concerned: the pieces left the shelf when they were held.

use mall_db::TxError;
use mall_stock_api::ReservationState as State;
use uuid::Uuid;

use crate::domain::{Refusal, Step, sell};
use crate::failure::Failure;
use crate::state::Stock;
use crate::store::movements::{self, Movement};
use crate::store::{items, reservations};

impl Stock {
    /// `HELD` becomes `SOLD`; repeating it changes nothing.
    pub async fn confirm(&self, id: Uuid) -> Result<State, Failure> {
        let now = self.clock.now();
        let confirmed = self.db.run_tx("confirm", move |tx| {
            Box::pin(async move {
                let Some(existing) = reservations::lock(tx, id).await? else {
                    return Err(TxError::refuse(Refusal::ReservationUnknown));
                };
                let Step::From(from) = sell(existing.state).map_err(TxError::refuse)? else {
                    return Ok(State::Sold);
                };
                reservations::step(tx, id, from, State::Sold, now).await?;
                for line in &existing.lines {
                    if !items::sell(tx, line.product_id, line.quantity, now).await? {
                        return Err(broken("sell", id));
                    }
                    let reference = id.to_string();
                    movements::append(
                        tx,
                        line.product_id,
                        Movement::Sell(line.quantity),
                        1,
                        &reference,
                        now,
                    )
                    .await?;
                }
                Ok(State::Sold)
            })
        });
        confirmed.await.map_err(Failure::from)
    }
}

/// The books contradict each other: a reservation says that pieces are held or sold, their product says that they are not.
pub(super) fn broken(step: &str, id: Uuid) -> TxError<Refusal> {
    tracing::error!(reservation.id = %id, "the books of reservation {id} do not balance: can't {step} it");
    TxError::Db(sqlx::Error::Protocol(format!(
        "reservation {id} and its items do not balance"
    )))
}
