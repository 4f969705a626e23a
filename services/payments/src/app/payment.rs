//! Looking at a payment.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::{PAYMENT_UNKNOWN, Payment};
use mall_problem::Problem;
use mall_types::OrderId;

use super::ask::{Ask, ask};
use super::shown;
use crate::domain::AskedBy;
use crate::messages;
use crate::state::Payments;
use crate::store::attempts::{self, AttemptRow};
use crate::store::payments::PaymentRow;
use crate::store::refunds::RefundRow;
use crate::store::{payments, refunds};

/// Most calls of the provider that an admin is shown.
const SHOWN_ATTEMPTS: u32 = 100;

/// The payment of an order; one that is unknown is asked from the provider, which takes nothing.
pub async fn payment(app: &Payments, order: OrderId) -> Result<Payment, Problem> {
    let (row, refund) = load(app, order).await?;
    let row = ask(app, row, Ask::LookOnly, AskedBy::Call).await?;
    Ok(shown(row, refund))
}

/// Row and refund, or the 404.
pub async fn load(
    app: &Payments,
    order: OrderId,
) -> Result<(PaymentRow, Option<RefundRow>), Problem> {
    let found = app
        .db
        .read("payment_of_order", move |conn| {
            Box::pin(async move {
                let Some(row) = payments::of_order(conn, order).await? else {
                    return Ok(None);
                };
                let refund = refunds::of_payment(conn, row.id).await?;
                Ok::<_, TxError<Infallible>>(Some((row, refund)))
            })
        })
        .await?;
    found.ok_or_else(unknown)
}

/// The 404.
pub fn unknown() -> Problem {
    Problem::not_found(PAYMENT_UNKNOWN, messages::PAYMENT_UNKNOWN)
}

/// All that is kept about a payment.
pub struct Kept {
    pub payment: PaymentRow,
    pub refund: Option<RefundRow>,
    /// The newest first.
    pub attempts: Vec<AttemptRow>,
}

/// What is written down about the payment of an order; asks nobody.
pub async fn kept(app: &Payments, order: OrderId) -> Result<Kept, Problem> {
    let (payment, refund) = load(app, order).await?;
    let id = payment.id;
    let attempts = app.db.read("payment_attempts", move |conn| {
        Box::pin(async move {
            let rows = attempts::of_payment(conn, id, SHOWN_ATTEMPTS).await?;
            Ok::<_, TxError<Infallible>>(rows)
        })
    });
    let attempts = attempts.await?;
    Ok(Kept {
        payment,
        refund,
        attempts,
    })
}
