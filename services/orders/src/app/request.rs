//! A shopper asks for a cancellation or a refund; time carries it out.

use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::Problem;
use mall_types::{OrderId, UserId};

use super::step::step;
use crate::domain::status::{CANCEL_REQUESTED, REFUND_REQUESTED, Transition};
use crate::state::Orders;
use crate::store::orders;
use crate::{error, messages};

/// Asks for the cancellation of a paid order.
pub async fn cancel(app: &Orders, user: UserId, order: OrderId) -> Result<(), Problem> {
    let refusal =
        || Problem::not_acceptable("ORDER_NOT_CANCELABLE", messages::ORDER_NOT_CANCELABLE);
    request(app, user, order, &CANCEL_REQUESTED, refusal).await
}

/// Asks for the refund of a delivered order.
pub async fn refund(app: &Orders, user: UserId, order: OrderId) -> Result<(), Problem> {
    let refusal =
        || Problem::not_acceptable("ORDER_NOT_REFUNDABLE", messages::ORDER_NOT_REFUNDABLE);
    request(app, user, order, &REFUND_REQUESTED, refusal).await
}

async fn request(
    app: &Orders,
    user: UserId,
    order: OrderId,
    transition: &'static Transition,
    refusal: impl FnOnce() -> Problem,
) -> Result<(), Problem> {
    let found = app.db.read("order_of_user", move |conn| {
        Box::pin(
            async move { Ok::<_, TxError<Infallible>>(orders::of_user(conn, order, user).await?) },
        )
    });
    let row = found.await?.ok_or_else(error::not_found)?;
    // The row may be old by now: the step's own comparison decides.
    match step(app, &row, transition).await? {
        Some(_) => Ok(()),
        None => Err(refusal()),
    }
}
