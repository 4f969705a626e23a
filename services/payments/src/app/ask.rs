//! Finding out what a payment came to.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::PaymentState;
use mall_problem::Problem;

use crate::provider::{Charge, Unknown, Verdict};
use crate::state::Payments;
use crate::store::payments::{self, PaymentRow};

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Nobody asked before: charge.
    First,
    /// Somebody did: look first, and charge under the same key when the provider has never heard of it.
    Again,
    /// Only look.
    LookOnly,
}

/// Asks the provider and writes the outcome down; answers the payment as it stands then. One that is known already
/// is answered as it is.
pub async fn ask(app: &Payments, mut row: PaymentRow, how: Ask) -> Result<PaymentRow, Problem> {
    if row.state != PaymentState::Unknown {
        return Ok(row);
    }
    let answer = tokio::time::timeout(app.provider_timeout, question(app, &row, how)).await;
    let verdict = match answer {
        Ok(Ok(Some(verdict))) => Ok(verdict),
        Ok(Ok(None)) => Err(Unknown("the provider has not heard of it".into())),
        Ok(Err(unknown)) => Err(unknown),
        Err(_elapsed) => Err(Unknown("no answer in time".into())),
    };
    let (id, order, now) = (row.id, row.order, app.clock.now());
    let (state, reason) = match verdict {
        Ok(Verdict::Captured) => (PaymentState::Captured, None),
        Ok(Verdict::Declined(reason)) => (PaymentState::Declined, Some(reason)),
        Err(unknown) => {
            app.outcomes.unknown.inc();
            tracing::warn!(order.id = order.0, reason = %unknown, "payment stays unknown");
            let counted = app
                .db
                .run_tx("payment_attempt", move |tx| {
                    Box::pin(async move {
                        Ok::<_, TxError<Infallible>>(payments::count_attempt(tx, now, id).await?)
                    })
                })
                .await;
            counted?;
            return Ok(row);
        }
    };

    let written = reason.clone();
    let first = app
        .db
        .run_tx("settle_payment", move |tx| {
            let written = written.clone();
            Box::pin(async move {
                Ok::<_, TxError<Infallible>>(
                    payments::settle(tx, now, id, state, written.as_deref()).await?,
                )
            })
        })
        .await?;
    if first {
        tracing::info!(order.id = order.0, payment.state = ?state, "payment settled");
        match state {
            PaymentState::Captured => app.outcomes.captured.inc(),
            _ => app.outcomes.declined.inc(),
        }
    }
    // A twin that was first asked under the same key, so it was told the same.
    row.state = state;
    row.reason = reason;
    Ok(row)
}

async fn question(app: &Payments, row: &PaymentRow, how: Ask) -> Result<Option<Verdict>, Unknown> {
    if how != Ask::First {
        let found = app.provider.find(&row.provider_key).await?;
        if found.is_some() || how == Ask::LookOnly {
            return Ok(found);
        }
    }
    let charge = Charge {
        key: row.provider_key.clone(),
        order: row.order,
        user: row.user,
        amount: row.amount,
        simulate: row.simulate,
    };
    app.provider.charge(&charge).await.map(Some)
}
