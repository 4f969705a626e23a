//! Finding out what a payment came to.

use std::convert::Infallible;

use chrono::SubsecRound;
use mall_db::TxError;
use mall_payments_api::PaymentState;
use mall_problem::Problem;

use super::{calls, payment};
use crate::domain::{AskedBy, Kind, ask_again};
use crate::provider::{Charge, Found, Unknown, Verdict};
use crate::state::Payments;
use crate::store::attempts::{self, About};
use crate::store::payments::{self, PaymentRow};

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Nobody asked before: charge. With the attempt's row, which is there already.
    First(i64),
    /// Somebody did: look first, and charge under the same key when the provider has taken nothing.
    Again,
    /// Only look.
    LookOnly,
}

/// Asks the provider and writes the outcome down; answers the payment as it stands then. One that is known already
/// is answered as it is.
pub async fn ask(
    app: &Payments,
    row: PaymentRow,
    how: Ask,
    by: AskedBy,
) -> Result<PaymentRow, Problem> {
    if row.state != PaymentState::Unknown {
        return Ok(row);
    }
    let Some(provider) = app.providers.named(&row.provider).cloned() else {
        tracing::error!(
            order.id = row.order.0,
            payment.provider = row.provider,
            "payment stays unknown: its provider is not set up any more"
        );
        return Ok(row);
    };
    let charge = charge(&row);
    let about = About {
        payment: row.id,
        refund: None,
        key: row.provider_key.clone(),
        by,
    };
    let attempt = match how {
        Ask::First(attempt) => attempt,
        Ask::Again | Ask::LookOnly => {
            let attempt = calls::begin(app, &about, Kind::Find).await?;
            let (word, why) = match calls::timed(app, provider.find(&charge)).await {
                Ok(Found::Settled(verdict)) => return conclude(app, row, attempt, verdict).await,
                Ok(Found::Open) => ("OPEN", "the provider has taken nothing yet"),
                Ok(Found::Nothing) => ("NOT_FOUND", "the provider has not heard of it"),
                Err(unknown) => return stay(app, row, attempt, unknown).await,
            };
            if how == Ask::LookOnly {
                return stay(app, row, attempt, Unknown::new(word, why)).await;
            }
            calls::end(app, attempt, word).await?;
            calls::begin(app, &about, Kind::Charge).await?
        }
    };
    app.faults.reach("charge.begun").await;
    let answer = calls::timed(app, provider.charge(&charge)).await;
    app.faults.reach("charge.answered").await;
    match answer {
        Ok(verdict) => conclude(app, row, attempt, verdict).await,
        Err(unknown) => stay(app, row, attempt, unknown).await,
    }
}

/// The charge of a row, as it is told to the provider.
pub fn charge(row: &PaymentRow) -> Charge {
    Charge {
        key: row.provider_key.clone(),
        order: row.order,
        user: row.user,
        amount: row.amount,
        payment_key: row.payment_key.clone(),
        first: row.attempts == 0,
        simulate: row.simulate,
    }
}

async fn conclude(
    app: &Payments,
    row: PaymentRow,
    attempt: i64,
    verdict: Verdict,
) -> Result<PaymentRow, Problem> {
    let (id, order, now) = (row.id, row.order, app.clock.now());
    let (state, reason, reference) = match verdict {
        Verdict::Captured(reference) => (PaymentState::Captured, None, reference),
        Verdict::Declined(reason) => (PaymentState::Declined, Some(reason), None),
    };
    let told = (reason.clone(), reference.clone());
    let first = app
        .db
        .run_tx("settle_payment", move |tx| {
            let (reason, reference) = told.clone();
            Box::pin(async move {
                let (reason, reference) = (reason.as_deref(), reference.as_deref());
                let first = payments::settle(tx, now, id, state, reason, reference).await?;
                let word = crate::domain::payment_word(state);
                attempts::end(tx, now, attempt, word, reason).await?;
                Ok::<_, TxError<Infallible>>(first)
            })
        })
        .await?;
    app.faults.reach("charge.written").await;
    if first {
        tracing::info!(order.id = order.0, payment.state = ?state, "payment settled");
        match state {
            PaymentState::Captured => app.meters.captured.inc(),
            _ => app.meters.declined.inc(),
        }
    }
    let settled = match first {
        true => PaymentRow {
            state,
            reason,
            provider_ref: reference,
            attempts: row.attempts + 1,
            settled_at: Some(now.trunc_subsecs(6)),
            ..row
        },
        false => payment::load(app, order).await?.0,
    };
    if settled.state != state {
        // Both are for good, and they can't both be true: somebody has to look.
        app.meters.contradictions.inc();
        tracing::error!(
            target: "audit", event = "payment.contradiction", order.id = order.0, payment.state = ?settled.state,
            provider.state = ?state, "the provider says something else than what is written down"
        );
    }
    Ok(settled)
}

async fn stay(
    app: &Payments,
    mut row: PaymentRow,
    attempt: i64,
    unknown: Unknown,
) -> Result<PaymentRow, Problem> {
    app.meters.unknown.inc();
    tracing::warn!(order.id = row.order.0, reason = %unknown, "payment stays unknown");
    let (now, id, code) = (app.clock.now(), row.id, unknown.stored());
    row.attempts += 1;
    let (first, most) = (app.config.settle_after, app.config.settle_max_backoff);
    let at = ask_again(now, row.attempts, first.get(), most.get());
    let stays = app
        .db
        .run_tx("payment_stays_unknown", move |tx| {
            let code = code.clone();
            Box::pin(async move {
                let stays = payments::stay_unknown(tx, now, id, &code, at).await?;
                attempts::end(tx, now, attempt, "UNKNOWN", Some(&code)).await?;
                Ok::<_, TxError<Infallible>>(stays)
            })
        })
        .await?;
    app.faults.reach("charge.doubted").await;
    if !stays {
        // A twin, a webhook or the job knows better.
        return Ok(payment::load(app, row.order).await?.0);
    }
    Ok(row)
}
