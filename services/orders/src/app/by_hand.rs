//! What admins do by hand.

use mall_db::TxError;
use mall_idempotency::Keyed;
use mall_outbox::DeadLetter;
use mall_problem::{Done, Problem};
use mall_types::{OrderId, UserId};

use super::repeat::done_before;
use super::step::step_by_hand;
use super::view;
use crate::domain::status::{MOVED, PayMark, Status, by_admin};
use crate::error;
use crate::state::Orders;
use crate::store::history::Why;

/// Moves an order where the table allows it, with all that belongs to the step. `effect`: on account of which
/// Idempotency-Key.
pub async fn move_order(
    app: &Orders,
    admin: UserId,
    order: OrderId,
    to: Status,
    reason: Option<String>,
    effect: Option<String>,
) -> Result<(), Problem> {
    let row = view::row(app, order, None).await?;
    let why = Why {
        actor: Some(admin),
        effect,
        note: reason,
    };
    if let Some(transition) = by_admin(row.status, to) {
        if step_by_hand(app, &row, transition, &why).await?.is_some() {
            app.faults.reach("move.written").await;
            tracing::info!(
                target: "audit", action = "order.move", user.id = admin.0, order.id = order.0,
                order.from = %row.status, order.to = %to, reason = why.note.as_deref(),
                "admin {admin} moved order {order} from {} to {to}", row.status
            );
            return Ok(());
        }
        let now = view::row(app, order, None).await?;
        if now.status == row.status && transition.mark == PayMark::Clear {
            return Err(error::payment_in_progress());
        }
    }
    match done_before(app, order, why.effect.as_deref()).await? {
        Some(done) if done.cause == MOVED => Ok(()),
        _ => Err(error::not_movable(row.status, to)),
    }
}

/// Effects that were given up, oldest first, and whether there are more.
pub async fn dead_letters(
    app: &Orders,
    after: i64,
    limit: u32,
) -> Result<(Vec<DeadLetter>, bool), Problem> {
    let mut letters = app
        .relay
        .list_dead(after, limit + 1)
        .await
        .map_err(error::database)?;
    let more = letters.len() > limit as usize;
    letters.truncate(limit as usize);
    Ok((letters, more))
}

/// Has an effect tried again that was given up. The key's answer is stored in the same transaction: a repetition finds no dead
/// letter any more.
pub async fn retry_dead_letter(
    app: &Orders,
    admin: UserId,
    id: i64,
    keyed: Keyed,
    answer: Done,
) -> Result<Done, Problem> {
    let now = app.clock.now();
    let retried = app.db.run_tx("retry_dead_letter", move |tx| {
        let (keyed, answer) = (keyed.clone(), answer.clone());
        Box::pin(async move {
            if !mall_outbox::retry_dead(tx, now, id).await? {
                return Err(TxError::refuse(()));
            }
            keyed.complete_in(tx, &answer).await?;
            Ok(answer)
        })
    });
    let answer = retried
        .await
        .map_err(|error| error.map(|()| error::no_dead_letter()))?;
    app.faults.reach("retry.written").await;
    app.relay.kick();
    tracing::info!(
        target: "audit", action = "order.dead_letter.retry", user.id = admin.0, outbox.id = id,
        "admin {admin} has dead letter {id} tried again"
    );
    Ok(answer)
}
