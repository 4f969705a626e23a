//! Giving the money of an order back, once.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::{
    PAYMENT_NOT_CAPTURED, PaymentState, REFUND_MISMATCH, Refund, RefundState, Refunded,
};
use mall_problem::{FieldErrors, Problem};
use mall_types::OrderId;

use super::ask::{Ask, ask};
use super::payment::load;
use crate::messages;
use crate::provider::{GiveBack, Unknown};
use crate::state::Payments;
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
    let payment = ask(app, payment, Ask::LookOnly).await?;
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
        tracing::warn!(
            order.id = order.0,
            "refund refused: not the amount of the payment"
        );
        return Err(Problem::conflict(
            REFUND_MISMATCH,
            messages::REFUND_MISMATCH,
        ));
    }

    let row = begin(app, payment.id, wanted.clone()).await?;
    if row.refund_id != wanted.refund_id || row.amount != wanted.amount {
        tracing::warn!(
            order.id = order.0,
            "refund refused: the payment has another one"
        );
        return Err(Problem::conflict(
            REFUND_MISMATCH,
            messages::REFUND_MISMATCH,
        ));
    }
    let state = match row.state {
        RefundState::Refunded => RefundState::Refunded,
        RefundState::Unknown => give_back(app, order, payment.provider_key, row).await?,
    };
    Ok(Refunded {
        order_id: order,
        state,
    })
}

/// The payment's one refund row, committed before the provider hears of it.
async fn begin(app: &Payments, payment: i64, wanted: Refund) -> Result<RefundRow, Problem> {
    let (now, key) = (app.clock.now(), uuid::Uuid::new_v4().to_string());
    let row = app
        .db
        .run_tx("begin_refund", move |tx| {
            let (wanted, key) = (wanted.clone(), key.clone());
            Box::pin(async move {
                refunds::insert(tx, now, payment, &wanted, &key).await?;
                let row = refunds::of_payment(tx, payment)
                    .await?
                    .ok_or(sqlx::Error::RowNotFound)?;
                Ok::<_, TxError<Infallible>>(row)
            })
        })
        .await?;
    Ok(row)
}

async fn give_back(
    app: &Payments,
    order: OrderId,
    charge_key: String,
    row: RefundRow,
) -> Result<RefundState, Problem> {
    let back = GiveBack {
        charge_key,
        key: row.provider_key,
        amount: row.amount,
    };
    let answer = tokio::time::timeout(app.provider_timeout, app.provider.give_back(&back)).await;
    let answer = answer.unwrap_or_else(|_elapsed| Err(Unknown("no answer in time".into())));
    let (now, id, refunded) = (app.clock.now(), row.id, answer.is_ok());
    let written = app
        .db
        .run_tx("settle_refund", move |tx| {
            Box::pin(async move {
                Ok::<_, TxError<Infallible>>(refunds::settle(tx, now, id, refunded).await?)
            })
        })
        .await;
    written?;
    match answer {
        Ok(()) => {
            app.outcomes.refunded.inc();
            tracing::info!(order.id = order.0, "payment refunded");
            Ok(RefundState::Refunded)
        }
        Err(unknown) => {
            app.outcomes.refund_unknown.inc();
            tracing::warn!(order.id = order.0, reason = %unknown, "refund stays unknown");
            Ok(RefundState::Unknown)
        }
    }
}
