//! Reservations whose order never came to be.

use std::convert::Infallible;

use mall_db::TxError;

use super::step;
use crate::deliver::STOCK_RELEASE;
use crate::state::Orders;
use crate::store::intents;

/// Gives back what old intents stand for; answers how many. An order that is written later finds its intent gone and
/// fails.
pub async fn release_intents(app: &Orders, should_stop: impl Fn() -> bool) -> anyhow::Result<u64> {
    let cutoff = app.clock.now() - chrono::Duration::from_std(app.config.intent_age.get())?;
    let batch = app.config.batch;
    let mut released = 0;
    while !should_stop() {
        let now = app.clock.now();
        let count = app
            .db
            .run_tx("release_intents", move |tx| {
                Box::pin(async move {
                    let stale = intents::stale(tx, cutoff, batch).await?;
                    for reservation in &stale {
                        if intents::take(tx, reservation).await? {
                            step::stock(tx, now, STOCK_RELEASE, reservation).await?;
                        }
                    }
                    Ok::<_, TxError<Infallible>>(stale.len())
                })
            })
            .await?;
        if count > 0 {
            app.relay.kick();
            tracing::warn!(
                reservations = count,
                "reservations without an order are given back"
            );
        }
        released += count as u64;
        if count < batch as usize {
            break;
        }
    }
    Ok(released)
}
