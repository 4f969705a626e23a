//! What is unknown is asked about until it is known.

use std::convert::Infallible;

use futures_util::future::join_all;
use mall_db::TxError;
use mall_payments_api::{PaymentState, RefundState};
use mall_problem::Problem;
use mall_types::OrderId;

use super::ask::{Ask, ask};
use super::payment::load;
use super::refund::{GiveHow, give_back};
use crate::domain::{AskedBy, ask_again};
use crate::state::Payments;
use crate::store::payments::PaymentRow;
use crate::store::unknown::{self, Table};
use crate::store::{payments, refunds, webhooks};

/// How many the provider is asked about at the same time.
const AT_ONCE: u32 = 8;
/// How far the unsettled ones are counted.
const COUNTED: u32 = 10_000;
/// Webhooks forgotten in one transaction.
const FORGOTTEN: u32 = 500;
/// How long a webhook is remembered, in days. Longer than a provider keeps sending it again, and than it can be replayed.
const REMEMBERED: i64 = 7;

/// Asks about every unknown payment, and repeats every unknown refund, whose time has come. Answers how many are known now.
///
/// A payment is only looked at: whether it is still wanted is for orders to say, which asks again by itself. A refund is
/// wanted until it is done. Each is moved to its next time before the provider is called, so neither a second replica nor a
/// crash makes it be asked in a hurry.
pub async fn settle_all(app: &Payments, should_stop: impl Fn() -> bool) -> anyhow::Result<u64> {
    let mut known = 0;
    while !should_stop() {
        let batch = claim_payments(app).await?;
        if batch.is_empty() {
            break;
        }
        app.faults.reach("charge.claimed").await;
        let asked = batch
            .into_iter()
            .map(|row| ask(app, row, Ask::LookOnly, AskedBy::Job));
        for outcome in join_all(asked).await {
            known += u64::from(seen(outcome, |row| row.state != PaymentState::Unknown));
        }
    }
    while !should_stop() {
        let batch = claim_refunds(app).await?;
        if batch.is_empty() {
            break;
        }
        app.faults.reach("refund.claimed").await;
        let asked = batch.into_iter().map(|order| again(app, order));
        for outcome in join_all(asked).await {
            known += u64::from(seen(outcome, |state| *state == RefundState::Refunded));
        }
    }
    report(app).await?;
    Ok(known)
}

/// One that can't be asked about must not keep the others from it: its next time has been set.
fn seen<T>(outcome: Result<T, Problem>, is_known: impl Fn(&T) -> bool) -> bool {
    match outcome {
        Ok(outcome) => is_known(&outcome),
        Err(problem) => {
            tracing::warn!(code = problem.code(), cause = ?problem.cause_chain(), "could not be asked about");
            false
        }
    }
}

async fn again(app: &Payments, order: OrderId) -> Result<RefundState, Problem> {
    let (payment, refund) = load(app, order).await?;
    match refund {
        Some(refund) => give_back(app, &payment, refund, GiveHow::Again, AskedBy::Job).await,
        None => Ok(RefundState::Unknown),
    }
}

async fn claim_payments(app: &Payments) -> Result<Vec<PaymentRow>, TxError<Infallible>> {
    let now = app.clock.now();
    let (first, most) = (app.config.settle_after, app.config.settle_max_backoff);
    app.db
        .run_tx("claim_unknown_payments", move |tx| {
            Box::pin(async move {
                let due = payments::due(tx, now, AT_ONCE).await?;
                for row in &due {
                    let at = ask_again(now, row.attempts + 1, first.get(), most.get());
                    unknown::ask_at(tx, Table::Payments, row.id, at).await?;
                }
                Ok(due)
            })
        })
        .await
}

async fn claim_refunds(app: &Payments) -> Result<Vec<OrderId>, TxError<Infallible>> {
    let now = app.clock.now();
    let (first, most) = (app.config.settle_after, app.config.settle_max_backoff);
    app.db
        .run_tx("claim_unknown_refunds", move |tx| {
            Box::pin(async move {
                let due = refunds::due(tx, now, AT_ONCE).await?;
                for (id, attempts, _) in &due {
                    let at = ask_again(now, attempts + 1, first.get(), most.get());
                    unknown::ask_at(tx, Table::Refunds, *id, at).await?;
                }
                Ok(due.into_iter().map(|(_, _, order)| order).collect())
            })
        })
        .await
}

/// Shows how many are unknown.
async fn report(app: &Payments) -> Result<(), TxError<Infallible>> {
    let counted = app.db.read("count_unsettled", |conn| {
        Box::pin(async move {
            let payments = unknown::count(conn, Table::Payments, COUNTED).await?;
            let refunds = unknown::count(conn, Table::Refunds, COUNTED).await?;
            Ok::<_, TxError<Infallible>>((payments, refunds))
        })
    });
    let (payments, refunds) = counted.await?;
    app.meters.unsettled_payments.set(payments as f64);
    app.meters.unsettled_refunds.set(refunds as f64);
    Ok(())
}

/// Forgets webhooks of long ago.
pub async fn sweep(app: &Payments, should_stop: impl Fn() -> bool) -> anyhow::Result<()> {
    let cutoff = app.clock.now() - chrono::Duration::days(REMEMBERED);
    while !should_stop() {
        let forgotten = app
            .db
            .run_tx("forget_webhooks", move |tx| {
                Box::pin(async move {
                    let forgotten = webhooks::forget(tx, cutoff, FORGOTTEN).await?;
                    Ok::<_, TxError<Infallible>>(forgotten)
                })
            })
            .await?;
        if forgotten < u64::from(FORGOTTEN) {
            break;
        }
    }
    Ok(())
}
