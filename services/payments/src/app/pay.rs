//! Taking the money for an order, once.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::{PAYMENT_MISMATCH, Pay, Payment};
use mall_problem::{FieldErrors, Problem};

use super::ask::{Ask, ask};
use super::shown;
use crate::messages;
use crate::state::Payments;
use crate::store::{payments, refunds};

/// Pays, or tells what the order's payment came to.
pub async fn pay(app: &Payments, pay: Pay) -> Result<Payment, Problem> {
    let mut errors = FieldErrors::new();
    errors.check(pay.amount.0 >= 0, "amount", messages::AMOUNT);
    errors.finish()?;

    let (now, provider) = (app.clock.now(), app.provider.name());
    let key = uuid::Uuid::new_v4().to_string();
    let wanted = pay.clone();
    // Committed before the provider hears of it: whatever happens now, there is a row to come back to.
    let (made, row, refund) = app
        .db
        .run_tx("begin_payment", move |tx| {
            let (pay, key) = (pay.clone(), key.clone());
            Box::pin(async move {
                let made = payments::insert(tx, now, &pay, provider, &key).await?;
                let row = payments::of_order(tx, pay.order_id)
                    .await?
                    .ok_or(sqlx::Error::RowNotFound)?;
                let refund = refunds::of_payment(tx, row.id).await?;
                Ok::<_, TxError<Infallible>>((made, row, refund))
            })
        })
        .await?;
    if row.user != wanted.user_id || row.amount != wanted.amount {
        tracing::warn!(
            order.id = wanted.order_id.0,
            "payment refused: amount or buyer differ from the first call's"
        );
        return Err(Problem::conflict(
            PAYMENT_MISMATCH,
            messages::PAYMENT_MISMATCH,
        ));
    }
    let row = ask(app, row, if made { Ask::First } else { Ask::Again }).await?;
    Ok(shown(row, refund))
}
