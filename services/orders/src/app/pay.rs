//! Paying an order, or giving it up instead.
//!
//! An order is marked as being paid (`paying_since`, a compare-and-set) before payments is asked, and the payment deadline
//! only takes orders without that mark: the two can't both win. What payments is asked is kept with the mark, so that the
//! job `orders.settle` can ask the same again after a crash.
//!
//! While a payment's outcome is unknown the order can't be given up: the money may be taken. The wish is kept instead, and
//! carried out when the outcome is known: a payment that succeeded is followed by the request to cancel in the same
//! transaction.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::{Pay, Simulate};
use mall_problem::{ErrorKind, Problem};
use mall_types::{OrderId, UserId, Won};

use super::repeat::done_before;
use super::settle::{Settled, settle};
use super::step::step;
use crate::domain::status::{PAID, PAYMENT_CANCELED, PAYMENT_DECLINED, Status};
use crate::error;
use crate::state::Orders;
use crate::store::history::Why;
use crate::store::steps::{self, OrderRow};

/// What the shopper chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    Cancel,
    Pay {
        /// What the provider's payment window gave the shopper.
        payment_key: Option<String>,
        /// What the payment window showed him.
        amount: Option<Won>,
        simulate: Simulate,
    },
}

/// What it came to; a decline is a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Paid,
    Canceled,
    /// It is given up as soon as it is known what became of the payment.
    Noted,
}

/// Pays, or cancels. `effect`: on account of which Idempotency-Key.
pub async fn pay(
    app: &Orders,
    user: UserId,
    order: OrderId,
    choice: Choice,
    effect: Option<String>,
) -> Result<Done, Problem> {
    let row = load(app, user, order).await?;
    app.faults.reach("pay.loaded").await;
    let outcome = match choice {
        _ if row.status != Status::WaitingPaying => Err(error::not_payable()),
        Choice::Cancel => cancel(app, &row, effect.as_deref()).await,
        Choice::Pay {
            amount: Some(amount),
            ..
        } if amount != row.total => Err(error::amount_mismatch(row.total)),
        Choice::Pay {
            payment_key,
            simulate,
            ..
        } => {
            let request = Pay {
                order_id: row.id,
                user_id: row.user,
                amount: row.total,
                payment_key,
                simulate,
            };
            take_money(app, row, &request, effect.as_deref()).await
        }
    };
    match outcome {
        Err(refusal) if refusal.kind() == ErrorKind::NotAcceptable => {
            let before = done_before(app, order, effect.as_deref()).await?;
            match before.as_ref().map(|done| done.cause.as_str()) {
                Some(cause) if cause == PAID.cause => Ok(Done::Paid),
                Some(cause) if cause == PAYMENT_CANCELED.cause => Ok(Done::Canceled),
                Some(cause) if cause == PAYMENT_DECLINED.cause => {
                    Err(error::declined(before.and_then(|done| done.note)))
                }
                _ => Err(refusal),
            }
        }
        other => other,
    }
}

async fn cancel(app: &Orders, row: &OrderRow, effect: Option<&str>) -> Result<Done, Problem> {
    let why = Why {
        actor: Some(row.user),
        effect: effect.map(str::to_owned),
        note: None,
    };
    if let Some(effects) = step(app, row, &PAYMENT_CANCELED, &why).await? {
        app.faults.reach("giveup.written").await;
        deliver(app, &effects).await;
        return Ok(Done::Canceled);
    }
    if note_wish(app, row.id).await? {
        tracing::info!(
            order.id = row.id.0,
            "order {} is to be given up when its payment is known",
            row.id
        );
        return Ok(Done::Noted);
    }
    Err(match load(app, row.user, row.id).await?.status {
        Status::WaitingPaying => error::payment_in_progress(),
        _ => error::not_payable(),
    })
}

/// Only for a payment that has been under way for so long that its outcome counts as unknown: one that is just being made
/// tells in a moment.
async fn note_wish(app: &Orders, order: OrderId) -> Result<bool, Problem> {
    let now = app.clock.now();
    let cutoff = now
        - chrono::Duration::from_std(app.config.settle_after.get()).map_err(Problem::internal)?;
    let noted = app.db.run_tx("want_give_up", move |tx| {
        Box::pin(async move {
            Ok::<_, TxError<Infallible>>(steps::want_give_up(tx, now, order, cutoff).await?)
        })
    });
    Ok(noted.await?)
}

async fn take_money(
    app: &Orders,
    row: OrderRow,
    request: &Pay,
    effect: Option<&str>,
) -> Result<Done, Problem> {
    let text = serde_json::to_string(request).map_err(Problem::internal)?;
    let effect = effect.map(str::to_owned);
    let (now, id, user) = (app.clock.now(), row.id, row.user);
    // The mark is a statement of its own: nothing else has to happen with it, and set twice it is set once. Begun by us or by an
    // earlier call whose outcome is unknown: what is stored now is what payments is asked.
    let begun = app.db.run_autocommit("begin_paying", move |conn| {
        let (text, effect) = (text.clone(), effect.clone());
        Box::pin(async move {
            steps::begin_paying(conn, now, id, &text, effect.as_deref()).await?;
            Ok::<_, TxError<Infallible>>(steps::order(conn, id, Some(user)).await?)
        })
    });
    let row = begun.await?.ok_or_else(error::not_found)?;
    app.faults.reach("pay.marked").await;
    if row.status != Status::WaitingPaying {
        return Err(error::not_payable());
    }
    match settle(app, &row).await? {
        Settled::Paid(effects) => {
            deliver(app, &effects).await;
            Ok(Done::Paid)
        }
        Settled::Declined { reason, effects } => {
            deliver(app, &effects).await;
            Err(error::declined(reason))
        }
        Settled::Refused(problem) => Err(*problem),
        Settled::ByAnother => Err(error::not_payable()),
        Settled::Unknown | Settled::Unasked => Err(error::unsettled()),
    }
}

async fn load(app: &Orders, user: UserId, order: OrderId) -> Result<OrderRow, Problem> {
    super::view::row(app, order, Some(user)).await
}

/// The step is committed; that its effects are seen at once is a courtesy, and the relay sees to them in any case.
async fn deliver(app: &Orders, effects: &[i64]) {
    for row in effects {
        if let Err(error) = app.relay.deliver_now(*row).await {
            tracing::warn!(error = %error, "an effect is delivered later");
        }
    }
}
