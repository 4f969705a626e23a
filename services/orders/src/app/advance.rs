//! What time does to orders.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use mall_db::TxError;
use mall_types::OrderId;

use super::step::effects;
use crate::domain::status::{BY_AGE, PAYMENT_DEADLINE, Transition};
use crate::state::Orders;
use crate::store::{history, steps};

/// The longest pause between two batches.
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// Moves every order on that has not changed for long enough, one step; answers how many.
pub async fn advance(app: &Orders, should_stop: impl Fn() -> bool) -> anyhow::Result<u64> {
    let mut moved = 0;
    for transition in BY_AGE {
        moved += move_due(app, transition, app.config.status_age.get(), &should_stop).await?;
    }
    Ok(moved)
}

/// Cancels every order that nobody paid, or pays, in time; answers how many.
pub async fn expire_unpaid(app: &Orders, should_stop: impl Fn() -> bool) -> anyhow::Result<u64> {
    move_due(
        app,
        &PAYMENT_DEADLINE,
        app.config.payment_deadline.get(),
        &should_stop,
    )
    .await
}

/// Short transactions of one batch each, and as long a pause after each as it took: shoppers get at least half of the
/// database. An order that was moved is no longer due, so looking from the start again is the next page; orders that a
/// shopper or another replica has locked are theirs this time.
async fn move_due(
    app: &Orders,
    transition: &'static Transition,
    age: Duration,
    should_stop: &impl Fn() -> bool,
) -> anyhow::Result<u64> {
    let cutoff = app.clock.now() - chrono::Duration::from_std(age)?;
    let batch = app.config.batch;
    let mut moved = 0;
    while !should_stop() {
        let (now, started) = (app.clock.now(), Instant::now());
        let count = app
            .db
            .run_tx("move_due_orders", move |tx| {
                Box::pin(async move {
                    let due = steps::due(tx, transition, cutoff, batch).await?;
                    if due.is_empty() {
                        return Ok(0);
                    }
                    let ids: Vec<OrderId> = due.iter().map(|order| order.id).collect();
                    // They are locked, so all of them still stand there; anything else would be a broken statement.
                    let changed = steps::change_all(tx, now, &ids, transition).await?;
                    if changed != ids.len() as u64 {
                        return Err(TxError::Db(sqlx::Error::Protocol(format!(
                            "{changed} of {} locked orders changed",
                            ids.len()
                        ))));
                    }
                    history::insert(tx, now, &ids, transition.to, transition.cause).await?;
                    let mut entries = Vec::with_capacity(ids.len() * transition.effects.len());
                    for order in &due {
                        entries.extend(effects(order, transition)?);
                    }
                    mall_outbox::enqueue_all(tx, now, &entries).await?;
                    Ok::<_, TxError<Infallible>>(ids.len())
                })
            })
            .await?;
        app.faults.reach("advance.moved").await;
        if count > 0 {
            if !transition.effects.is_empty() {
                app.relay.kick();
            }
            app.count(transition.cause, count);
            tracing::info!(
                orders = count,
                cause = transition.cause,
                "{count} orders are {}",
                transition.to
            );
        }
        moved += count as u64;
        if count < batch as usize {
            break;
        }
        tokio::time::sleep(started.elapsed().min(MAX_PAUSE)).await;
    }
    Ok(moved)
}
