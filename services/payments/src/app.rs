//! The operations.

pub mod ask;
pub mod calls;
pub mod pay;
pub mod payment;
pub mod refund;
pub mod settle;
pub mod webhook;

use mall_payments_api::{Payment, PaymentState};
use mall_problem::Problem;

use crate::store::payments::PaymentRow;
use crate::store::refunds::RefundRow;

/// A payment as callers see it.
fn shown(row: PaymentRow, refund: Option<RefundRow>) -> Payment {
    let declined = row.state == PaymentState::Declined;
    Payment {
        order_id: row.order,
        state: row.state,
        reason: row.reason.filter(|_| declined),
        amount: row.amount,
        created_at: Some(row.created_at),
        refund: refund.map(|refund| refund.state),
    }
}

/// Runs an operation to its end even when its caller goes away: between the provider's answer and our row nobody may
/// walk off.
pub async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(mall_telemetry::trace::carry(work)).await {
        Ok(result) => result,
        Err(error) => Err(Problem::internal(error)),
    }
}
