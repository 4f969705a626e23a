//! What time does to orders.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use mall_db::TxError;
use mall_types::OrderId;

use super::step::effects;
use crate::domain::status::{BY_AGE, PAYMENT_DEADLINE, Transition};
use crate::state::Orders;
use crate::store::{history, steps};

/// The longest pause after a batch because it took long.
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

/// Short transactions of one batch each, and a [`pause`] after each. Each look goes on behind the last order of the one before:
/// from the start it would pass all the index entries that the moved ones have left. Orders that a shopper or another replica has
/// locked are theirs this time.
async fn move_due(
    app: &Orders,
    transition: &'static Transition,
    age: Duration,
    should_stop: &impl Fn() -> bool,
) -> anyhow::Result<u64> {
    let cutoff = app.clock.now() - chrono::Duration::from_std(age)?;
    let pace = app.config.jobs.per_second;
    // A slow pace is many small steps, not few large ones.
    let batch = app.config.batch.min(pace.div_ceil(4));
    let (mut moved, mut after) = (0, None);
    while !should_stop() {
        let (now, started) = (app.clock.now(), Instant::now());
        let (count, last) = app
            .db
            .run_tx("move_due_orders", move |tx| {
                Box::pin(async move {
                    let due = steps::due(tx, transition, cutoff, after, batch).await?;
                    let Some(last) = due.last().map(|order| (order.status_since, order.id)) else {
                        return Ok((0, after));
                    };
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
                    Ok::<_, TxError<Infallible>>((ids.len(), Some(last)))
                })
            })
            .await?;
        if count > 0 {
            app.faults.reach("advance.moved").await;
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
        after = last;
        tokio::time::sleep(pause(started.elapsed(), batch, pace)).await;
    }
    Ok(moved)
}

/// How long to wait after a batch that took so long: at least as long, so that shoppers get half of a slow database, and until
/// `per_second` allows the next one, so that they get most of a quick one.
fn pause(took: Duration, batch: u32, per_second: u32) -> Duration {
    let turn = Duration::from_secs_f64(f64::from(batch) / f64::from(per_second.max(1)));
    took.min(MAX_PAUSE).max(turn.saturating_sub(took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shoppers_get_half_of_a_slow_database_and_most_of_a_quick_one() {
        let millis = Duration::from_millis;
        assert_eq!(pause(millis(4), 100, 2500), millis(36), "40 ms a turn");
        assert_eq!(pause(millis(30), 100, 2500), millis(30));
        assert_eq!(pause(millis(9000), 100, 2500), MAX_PAUSE);
        assert_eq!(pause(millis(1), 3, 10), millis(299), "however slow");
    }
}
