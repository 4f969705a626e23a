//! A shopper asks for a cancellation or a refund; time carries it out.

use mall_problem::Problem;
use mall_types::{OrderId, UserId};

use super::repeat::done_before;
use super::step::step;
use crate::domain::status::{CANCEL_REQUESTED, REFUND_REQUESTED, Transition};
use crate::messages;
use crate::state::Orders;
use crate::store::history::Why;

/// Asks for the cancellation of a paid order. `effect`: on account of which Idempotency-Key.
pub async fn cancel(
    app: &Orders,
    user: UserId,
    order: OrderId,
    effect: Option<String>,
) -> Result<(), Problem> {
    let refusal =
        || Problem::not_acceptable("ORDER_NOT_CANCELABLE", messages::ORDER_NOT_CANCELABLE);
    request(app, user, order, &CANCEL_REQUESTED, effect, refusal).await
}

/// Asks for the refund of a delivered order.
pub async fn refund(
    app: &Orders,
    user: UserId,
    order: OrderId,
    effect: Option<String>,
) -> Result<(), Problem> {
    let refusal =
        || Problem::not_acceptable("ORDER_NOT_REFUNDABLE", messages::ORDER_NOT_REFUNDABLE);
    request(app, user, order, &REFUND_REQUESTED, effect, refusal).await
}

async fn request(
    app: &Orders,
    user: UserId,
    order: OrderId,
    transition: &'static Transition,
    effect: Option<String>,
    refusal: impl FnOnce() -> Problem,
) -> Result<(), Problem> {
    let row = super::view::row(app, order, Some(user)).await?;
    let why = Why {
        actor: Some(user),
        effect,
        note: None,
    };
    // The row may be old by now: the step's own comparison decides.
    if step(app, &row, transition, &why).await?.is_some() {
        app.faults.reach("request.written").await;
        return Ok(());
    }
    match done_before(app, order, why.effect.as_deref()).await? {
        Some(done) if done.cause == transition.cause => Ok(()),
        _ => Err(refusal()),
    }
}
