//! Asking payments what a payment came to, and writing it down.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::join_all;
use mall_db::TxError;
use mall_http_client::CallError;
use mall_payments_api::{PAYMENT_KEY_REQUIRED, PAYMENT_KEY_USED, Pay, PaymentState};
use mall_problem::Problem;

use super::step::{in_transaction, step, tell};
use crate::domain::status::{CANCEL_REQUESTED, PAID, PAYMENT_CANCELED, PAYMENT_DECLINED};
use crate::state::Orders;
use crate::store::history::Why;
use crate::store::steps::{self, OrderRow};

/// How many payments the job asks about at the same time.
const AT_ONCE: u32 = 8;

/// What asking came to.
#[derive(Debug)]
pub enum Settled {
    /// Paid, and this call wrote it down; the effects' outbox rows.
    Paid(Vec<i64>),
    /// Declined, and this call wrote it down.
    Declined {
        reason: Option<String>,
        effects: Vec<i64>,
    },
    /// Payments did not even begin, and the order waits for its payment as before.
    Refused(Box<Problem>),
    /// Somebody else wrote it down.
    ByAnother,
    /// Not known yet: payments does not know, or refuses to say.
    Unknown,
    /// Not known yet: payments could not be asked.
    Unasked,
}

/// Asks payments to pay an order that is marked as being paid. Payments takes the money at most once, however often it is
/// asked, so this is also how one finds out.
pub async fn settle(app: &Orders, order: &OrderRow) -> Result<Settled, TxError<Infallible>> {
    let request: Option<Pay> = order
        .pay_request
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    let Some(request) = request else {
        tracing::error!(
            order.id = order.id.0,
            "order is being paid, but its request can't be read"
        );
        return Ok(Settled::Unknown);
    };
    let asked = app.peers.payments.pay(&request).await;
    app.faults.reach("settle.asked").await;
    let payment = match asked {
        Ok(payment) => payment,
        Err(error) if never_began(&error) => return unmark(app, order, error).await,
        Err(error) => {
            if error.is_definite_refusal() {
                tracing::error!(order.id = order.id.0, error = %error, "payments refuses what the order asks");
                return Ok(Settled::Unknown);
            }
            tracing::warn!(order.id = order.id.0, error = %error, "payment stays unsettled");
            return Ok(Settled::Unasked);
        }
    };
    let settled = match payment.state {
        PaymentState::Captured => paid(app, order)
            .await?
            .map_or(Settled::ByAnother, Settled::Paid),
        PaymentState::Declined => {
            let why = because(order, payment.reason.clone());
            step(app, order, &PAYMENT_DECLINED, &why)
                .await?
                .map_or(Settled::ByAnother, |effects| Settled::Declined {
                    reason: payment.reason,
                    effects,
                })
        }
        PaymentState::Unknown => Settled::Unknown,
    };
    app.faults.reach("settle.written").await;
    Ok(settled)
}

fn because(order: &OrderRow, note: Option<String>) -> Why {
    Why {
        actor: None,
        effect: order.pay_effect.clone(),
        note,
    }
}

/// Payments' own words that there is no payment and that this request will never make one. Anything less, a 400 of another
/// program that has the address say, leaves open whether money was taken.
fn never_began(error: &CallError) -> bool {
    let words = [PAYMENT_KEY_REQUIRED, PAYMENT_KEY_USED];
    error.code().is_some_and(|code| words.contains(&code)) && !error.may_have_happened()
}

/// Takes the mark away again: the order can be paid in another way, given up, or run out of time. A buyer who wanted to give
/// it up has done so.
async fn unmark(
    app: &Orders,
    order: &OrderRow,
    refusal: CallError,
) -> Result<Settled, TxError<Infallible>> {
    let (now, row, wish) = (app.clock.now(), order.clone(), wish(order));
    let given_up = app
        .db
        .run_tx("stop_paying", move |tx| {
            let (row, wish) = (row.clone(), wish.clone());
            Box::pin(async move {
                let given_up = steps::is_give_up_wanted(tx, row.id).await?;
                if !steps::stop_paying(tx, row.id, row.paying_since).await? || !given_up {
                    return Ok(false);
                }
                let cause = PAYMENT_CANCELED.cause;
                let made = in_transaction(tx, now, &row, &PAYMENT_CANCELED, cause, &wish).await?;
                Ok::<_, TxError<Infallible>>(made.is_some())
            })
        })
        .await?;
    app.faults.reach("settle.unmarked").await;
    if given_up {
        tell(app, order.id, &PAYMENT_CANCELED, PAYMENT_CANCELED.cause);
    }
    Ok(Settled::Refused(Box::new(refusal.into())))
}

/// What the buyer wanted while nobody knew of the payment.
fn wish(order: &OrderRow) -> Why {
    Why {
        actor: Some(order.user),
        ..Why::default()
    }
}

/// Paid; and if its buyer wanted to give it up meanwhile, the cancellation is asked for at the same time.
async fn paid(app: &Orders, order: &OrderRow) -> Result<Option<Vec<i64>>, TxError<Infallible>> {
    let (now, row) = (app.clock.now(), order.clone());
    let (why, wish) = (because(order, None), wish(order));
    let done = app
        .db
        .run_tx("order_paid", move |tx| {
            let (row, why, wish) = (row.clone(), why.clone(), wish.clone());
            Box::pin(async move {
                let made = in_transaction(tx, now, &row, &PAID, PAID.cause, &why).await?;
                let Some(effects) = made else { return Ok(None) };
                let given_up = steps::is_give_up_wanted(tx, row.id).await?;
                if given_up {
                    let cause = CANCEL_REQUESTED.cause;
                    in_transaction(tx, now, &row, &CANCEL_REQUESTED, cause, &wish).await?;
                }
                Ok::<_, TxError<Infallible>>(Some((effects, given_up)))
            })
        })
        .await?;
    let Some((effects, given_up)) = done else {
        return Ok(None);
    };
    tell(app, order.id, &PAID, PAID.cause);
    if given_up {
        tell(app, order.id, &CANCEL_REQUESTED, CANCEL_REQUESTED.cause);
    }
    Ok(Some(effects))
}

/// Settles what has been under way for too long; answers how many are known now. Ends early when nobody can be asked.
pub async fn settle_all(app: &Orders, should_stop: impl Fn() -> bool) -> anyhow::Result<u64> {
    let age: Duration = app.config.settle_after.get();
    let cutoff = app.clock.now() - chrono::Duration::from_std(age)?;
    let (mut after, mut known) = (None, 0);
    while !should_stop() {
        let batch = app
            .db
            .read("unsettled_orders", move |conn| {
                Box::pin(async move {
                    Ok::<_, TxError<Infallible>>(
                        steps::unsettled(conn, cutoff, after, AT_ONCE).await?,
                    )
                })
            })
            .await?;
        let Some(last) = batch.last() else { break };
        after = last.paying_since.map(|since| (since, last.id));
        let outcomes = join_all(batch.iter().map(|order| settle(app, order))).await;
        let mut unasked = 0;
        for outcome in outcomes {
            match outcome? {
                Settled::Unknown => {}
                Settled::Unasked => unasked += 1,
                Settled::Paid(_)
                | Settled::Declined { .. }
                | Settled::Refused(_)
                | Settled::ByAnother => known += 1,
            }
        }
        // Payments is away: asking about all the others would only wait for as many timeouts. Payments that nobody knows
        // are no reason to end: the oldest would keep all later ones from ever being settled.
        if unasked == AT_ONCE as usize {
            break;
        }
    }
    Ok(known)
}
