//! Giving the money of an order back, once.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::{
    PAYMENT_NOT_CAPTURED, PaymentState, REFUND_MISMATCH, Refund, RefundState, Refunded,
};
use mall_problem::{FieldErrors, Problem};
use mall_types::OrderId;

use super::ask::{Ask, ask, charge};
use super::calls;
use super::payment::load;
use crate::domain::{AskedBy, Kind, ask_again};
use crate::messages;
use crate::provider::{GiveBack, Unknown};
use crate::state::Payments;
use crate::store::attempts::{self, About};
use crate::store::payments::PaymentRow;
use crate::store::refunds::{self, RefundRow};

/// Refunds, or tells what the payment's refund came to.
pub async fn refund(app: &Payments, order: OrderId, wanted: Refund) -> Result<Refunded, Problem> {
    let mut errors = FieldErrors::new();
    errors.check(
        (1..=64).contains(&wanted.refund_id.chars().count()),
        "refundId",
        messages::REFUND_ID,
    );
    errors.check(wanted.amount.0 >= 0, "amount", messages::AMOUNT);
    errors.finish()?;

    let (payment, _) = load(app, order).await?;
    let payment = ask(app, payment, Ask::LookOnly, AskedBy::Call).await?;
    match payment.state {
        PaymentState::Captured => {}
        PaymentState::Declined => {
            return Err(Problem::conflict(
                PAYMENT_NOT_CAPTURED,
                messages::PAYMENT_NOT_CAPTURED,
            ));
        }
        PaymentState::Unknown => {
            return Err(Problem::unavailable(
                "PAYMENT_UNSETTLED",
                messages::PAYMENT_UNSETTLED,
            ));
        }
    }
    if wanted.amount != payment.amount {
        return Err(mismatch(order, "not the amount of the payment"));
    }
    let (begun, row) = begin(app, &payment, wanted.clone()).await?;
    if row.refund_id != wanted.refund_id || row.amount != wanted.amount {
        return Err(mismatch(order, "the payment has another one"));
    }
    let how = begun.map_or(GiveHow::Again, GiveHow::First);
    let state = give_back(app, &payment, row, how, AskedBy::Call).await?;
    Ok(Refunded {
        order_id: order,
        state,
    })
}

fn mismatch(order: OrderId, why: &'static str) -> Problem {
    tracing::warn!(
        target: "audit", event = "refund.refused", order.id = order.0, code = REFUND_MISMATCH, "{why}"
    );
    Problem::conflict(REFUND_MISMATCH, messages::REFUND_MISMATCH)
}

/// The payment's one refund row, committed before the provider hears of it, with the attempt that is about to begin.
async fn begin(
    app: &Payments,
    payment: &PaymentRow,
    wanted: Refund,
) -> Result<(Option<i64>, RefundRow), Problem> {
    let (now, key) = (app.clock.now(), uuid::Uuid::new_v4().to_string());
    let (id, charged) = (payment.id, payment.amount);
    let first = app.config.settle_after.get();
    let ask_at = ask_again(now, 0, first, first);
    let begun = app
        .db
        .run_tx("begin_refund", move |tx| {
            let (wanted, key) = (wanted.clone(), key.clone());
            Box::pin(async move {
                let made = refunds::insert(tx, now, id, charged, &wanted, &key, ask_at).await?;
                let row = refunds::of_payment(tx, id)
                    .await?
                    .ok_or(sqlx::Error::RowNotFound)?;
                let mut attempt = None;
                if made {
                    let about = about(id, &row, AskedBy::Call);
                    attempt = Some(attempts::begin(tx, now, &about, Kind::Refund).await?);
                }
                Ok::<_, TxError<Infallible>>((attempt, row))
            })
        })
        .await?;
    Ok(begun)
}

fn about(payment: i64, row: &RefundRow, by: AskedBy) -> About {
    About {
        payment,
        refund: Some(row.id),
        key: row.key(),
        by,
    }
}

/// How to see to a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveHow {
    /// Nobody did before: give the money back. With the attempt's row, which is there already.
    First(i64),
    /// Somebody did: look first, and give it back under the same key when it is not back.
    Again,
    /// Only look.
    LookOnly,
}

/// Has the provider give the money of a captured payment back, and writes the outcome down.
pub async fn give_back(
    app: &Payments,
    payment: &PaymentRow,
    row: RefundRow,
    how: GiveHow,
    by: AskedBy,
) -> Result<RefundState, Problem> {
    if row.state != RefundState::Unknown {
        return Ok(row.state);
    }
    let Some(provider) = app.providers.named(&payment.provider).cloned() else {
        tracing::error!(
            order.id = payment.order.0,
            payment.provider = payment.provider,
            "refund stays unknown: its provider is not set up any more"
        );
        return Ok(row.state);
    };
    let back = GiveBack {
        charge: charge(payment),
        reference: payment.provider_ref.clone(),
        key: row.key(),
        amount: row.amount,
        first: row.attempts == 0,
    };
    let about = about(payment.id, &row, by);
    let attempt = match how {
        GiveHow::First(attempt) => attempt,
        GiveHow::Again | GiveHow::LookOnly => {
            let attempt = calls::begin(app, &about, Kind::FindRefund).await?;
            match calls::timed(app, provider.find_back(&back)).await {
                Ok(true) => return conclude(app, payment.order, row, attempt, Ok(())).await,
                Ok(false) if how == GiveHow::LookOnly => {
                    let open = Unknown::new("NOT_REFUNDED", "the money is not back yet");
                    return conclude(app, payment.order, row, attempt, Err(open)).await;
                }
                Ok(false) => calls::end(app, attempt, "NOT_REFUNDED").await?,
                Err(unknown) => {
                    return conclude(app, payment.order, row, attempt, Err(unknown)).await;
                }
            }
            calls::begin(app, &about, Kind::Refund).await?
        }
    };
    app.faults.reach("refund.begun").await;
    let answer = calls::timed(app, provider.give_back(&back)).await;
    app.faults.reach("refund.answered").await;
    conclude(app, payment.order, row, attempt, answer).await
}

async fn conclude(
    app: &Payments,
    order: OrderId,
    row: RefundRow,
    attempt: i64,
    answer: Result<(), Unknown>,
) -> Result<RefundState, Problem> {
    let (now, id) = (app.clock.now(), row.id);
    let (first, most) = (app.config.settle_after, app.config.settle_max_backoff);
    let ask_at = ask_again(now, row.attempts + 1, first.get(), most.get());
    let code = answer.as_ref().err().map(Unknown::stored);
    // Under the same key the provider would only repeat its refusal; all of the money can go back only once under any key.
    let refused = answer
        .as_ref()
        .is_err_and(|unknown| unknown.theirs.is_some());
    let refused_in = refused.then_some(row.key_round);
    let settled = app
        .db
        .run_tx("settle_refund", move |tx| {
            let code = code.clone();
            Box::pin(async move {
                let settled = match &code {
                    None => refunds::settle(tx, now, id).await?,
                    Some(code) => {
                        refunds::stay_unknown(tx, now, id, code, refused_in, ask_at).await?;
                        false
                    }
                };
                let word = if code.is_none() {
                    "REFUNDED"
                } else {
                    "UNKNOWN"
                };
                attempts::end(tx, now, attempt, word, code.as_deref()).await?;
                Ok::<_, TxError<Infallible>>(settled)
            })
        })
        .await?;
    app.faults.reach("refund.written").await;
    match answer {
        Ok(()) => {
            if settled {
                app.meters.refunded.inc();
                tracing::info!(order.id = order.0, "payment refunded");
            }
            Ok(RefundState::Refunded)
        }
        Err(unknown) => {
            app.meters.refund_unknown.inc();
            tracing::warn!(order.id = order.0, reason = %unknown, "refund stays unknown");
            // A twin may know better.
            let (_, refund) = load(app, order).await?;
            Ok(refund.map_or(RefundState::Unknown, |refund| refund.state))
        }
    }
}
