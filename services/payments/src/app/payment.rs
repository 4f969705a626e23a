//! Looking at a payment.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::{PAYMENT_UNKNOWN, Payment};
use mall_problem::Problem;
use mall_types::OrderId;

use super::ask::{Ask, ask};
use super::shown;
use crate::messages;
use crate::state::Payments;
use crate::store::payments::PaymentRow;
use crate::store::refunds::RefundRow;
use crate::store::{payments, refunds};

/// The payment of an order; one that is unknown is asked from the provider, which takes nothing.
pub async fn payment(app: &Payments, order: OrderId) -> Result<Payment, Problem> {
    let (row, refund) = load(app, order).await?;
    Ok(shown(ask(app, row, Ask::LookOnly).await?, refund))
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
    found.ok_or_else(|| Problem::not_found(PAYMENT_UNKNOWN, messages::PAYMENT_UNKNOWN))
}
