//! Taking the money for an order, once.

use mall_db::TxError;
use mall_payments_api::{PAYMENT_KEY_REQUIRED, PAYMENT_KEY_USED, PAYMENT_MISMATCH, Pay, Payment};
use mall_problem::{FieldErrors, Problem};

use super::ask::{Ask, ask};
use super::shown;
use crate::domain::{AskedBy, Kind, ask_again, is_payment_key};
use crate::messages;
use crate::state::Payments;
use crate::store::attempts::{self, About};
use crate::store::payments::{Inserted, PaymentRow};
use crate::store::refunds::RefundRow;
use crate::store::{payments, refunds};

/// Why no payment was begun.
enum NotBegun {
    KeyRequired,
    KeyUsed,
}

impl From<NotBegun> for Problem {
    fn from(reason: NotBegun) -> Problem {
        match reason {
            NotBegun::KeyRequired => {
                Problem::invalid(PAYMENT_KEY_REQUIRED, messages::PAYMENT_KEY_REQUIRED)
                    .with_field("paymentKey", messages::PAYMENT_KEY)
            }
            NotBegun::KeyUsed => Problem::conflict(PAYMENT_KEY_USED, messages::PAYMENT_KEY_USED),
        }
    }
}

/// Pays, or tells what the order's payment came to.
pub async fn pay(app: &Payments, mut pay: Pay) -> Result<Payment, Problem> {
    let mut errors = FieldErrors::new();
    errors.check(pay.amount.0 >= 0, "amount", messages::AMOUNT);
    errors.finish()?;
    if !app.providers.current().wants_payment_key() {
        pay.payment_key = None;
    }

    let wanted = pay.clone();
    let begun = begin(app, pay).await;
    let (begun, row, refund) = begun.inspect_err(|problem| {
        if problem.code() == PAYMENT_KEY_USED {
            tracing::warn!(
                target: "audit", event = "payment.refused", order.id = wanted.order_id.0, user.id = wanted.user_id.0,
                code = problem.code(), "a payment key was used for a second order"
            );
        }
    })?;
    let same_key = match (&row.payment_key, &wanted.payment_key) {
        (Some(kept), Some(given)) => kept == given,
        _ => true,
    };
    if row.user != wanted.user_id || row.amount != wanted.amount || !same_key {
        tracing::warn!(
            target: "audit", event = "payment.refused", order.id = wanted.order_id.0, user.id = wanted.user_id.0,
            code = PAYMENT_MISMATCH, "amount, buyer or key differ from the first call's"
        );
        return Err(Problem::conflict(
            PAYMENT_MISMATCH,
            messages::PAYMENT_MISMATCH,
        ));
    }
    let how = begun.map_or(Ask::Again, Ask::First);
    let row = ask(app, row, how, AskedBy::Call).await?;
    Ok(shown(row, refund))
}

/// The order's one payment. Committed before the provider hears of it, with the attempt that is about to begin: whatever
/// happens now, there is a row to come back to.
async fn begin(
    app: &Payments,
    pay: Pay,
) -> Result<(Option<i64>, PaymentRow, Option<RefundRow>), Problem> {
    let (now, provider) = (app.clock.now(), app.providers.current().clone());
    let key = uuid::Uuid::new_v4().to_string();
    let first = app.config.settle_after.get();
    let ask_at = ask_again(now, 0, first, first);
    let key_is_missing =
        provider.wants_payment_key() && !pay.payment_key.as_deref().is_some_and(is_payment_key);
    let begun = app
        .db
        .run_tx("begin_payment", move |tx| {
            let (pay, key, provider) = (pay.clone(), key.clone(), provider.name());
            Box::pin(async move {
                let mut row = payments::of_order(tx, pay.order_id).await?;
                let mut made = false;
                if row.is_none() {
                    if key_is_missing {
                        return Err(TxError::refuse(NotBegun::KeyRequired));
                    }
                    let inserted = payments::insert(tx, now, &pay, provider, &key, ask_at).await?;
                    made = inserted == Inserted::Made;
                    row = payments::of_order(tx, pay.order_id).await?;
                }
                // Taken, and not by this order.
                let row = row.ok_or_else(|| TxError::refuse(NotBegun::KeyUsed))?;
                if made {
                    let about = About {
                        payment: row.id,
                        refund: None,
                        key,
                        by: AskedBy::Call,
                    };
                    let attempt = attempts::begin(tx, now, &about, Kind::Charge).await?;
                    return Ok((Some(attempt), row, None));
                }
                let refund = refunds::of_payment(tx, row.id).await?;
                Ok((None, row, refund))
            })
        })
        .await?;
    Ok(begun)
}
