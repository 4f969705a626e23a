//! Paying an order, or giving it up instead.
//!
//! An order is marked as being paid (`paying_since`, a compare-and-set) before payments is asked, and the payment deadline
//! only takes orders without that mark: the two can't both win. What payments is asked is kept with the mark, so that the
//! job `orders.settle` can ask the same again after a crash.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::{Pay, Simulate};
use mall_problem::Problem;
use mall_types::{OrderId, UserId};

use super::settle::{Settled, settle};
use super::step::step;
use crate::domain::status::{PAYMENT_CANCELED, Status};
use crate::state::Orders;
use crate::store::orders::{self, OrderRow};
use crate::{error, messages};

/// What the shopper chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Cancel,
    Pay { limit_excess: bool },
}

/// What it came to; a decline is a [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Paid,
    Canceled,
}

/// Pays, or cancels.
pub async fn pay(
    app: &Orders,
    user: UserId,
    order: OrderId,
    choice: Choice,
) -> Result<Done, Problem> {
    let row = load(app, user, order).await?;
    if row.status != Status::WaitingPaying {
        return Err(error::not_payable());
    }
    match choice {
        Choice::Cancel => cancel(app, &row).await,
        Choice::Pay { limit_excess } => take_money(app, row, limit_excess).await,
    }
}

async fn cancel(app: &Orders, row: &OrderRow) -> Result<Done, Problem> {
    match step(app, row, &PAYMENT_CANCELED).await? {
        Some(effects) => {
            deliver(app, &effects).await;
            Ok(Done::Canceled)
        }
        None => Err(match load(app, row.user, row.id).await?.status {
            Status::WaitingPaying => {
                Problem::conflict("PAYMENT_IN_PROGRESS", messages::PAYMENT_IN_PROGRESS)
            }
            _ => error::not_payable(),
        }),
    }
}

async fn take_money(app: &Orders, row: OrderRow, limit_excess: bool) -> Result<Done, Problem> {
    let request = Pay {
        order_id: row.id,
        user_id: row.user,
        amount: row.total,
        simulate: Simulate {
            limit_exceeded: limit_excess,
        },
    };
    let text = serde_json::to_string(&request).map_err(Problem::internal)?;
    let (now, id) = (app.clock.now(), row.id);
    let begun = app.db.run_tx("begin_paying", move |tx| {
        let text = text.clone();
        Box::pin(async move {
            Ok::<_, TxError<Infallible>>(orders::begin_paying(tx, now, id, &text).await?)
        })
    });
    begun.await?;
    // Begun by us or by an earlier call whose outcome is unknown: what is stored now is what payments is asked.
    let row = load(app, row.user, row.id).await?;
    if row.status != Status::WaitingPaying {
        return Err(error::not_payable());
    }
    match settle(app, &row).await? {
        Settled::Paid(effects) => {
            deliver(app, &effects).await;
            Ok(Done::Paid)
        }
        Settled::Declined { reason, effects } => {
            deliver(app, &effects).await;
            Err(
                Problem::conflict("PAYMENT_DECLINED", messages::PAYMENT_DECLINED)
                    .with_extra("reason", reason),
            )
        }
        Settled::ByAnother => Err(error::not_payable()),
        Settled::Unknown | Settled::Unasked => Err(error::unsettled()),
    }
}

async fn load(app: &Orders, user: UserId, order: OrderId) -> Result<OrderRow, Problem> {
    let found = app.db.read("order_of_user", move |conn| {
        Box::pin(
            async move { Ok::<_, TxError<Infallible>>(orders::of_user(conn, order, user).await?) },
        )
    });
    found.await?.ok_or_else(error::not_found)
}

/// The step is committed; that its effects are seen at once is a courtesy, and the relay sees to them in any case.
async fn deliver(app: &Orders, effects: &[i64]) {
    for row in effects {
        if let Err(error) = app.relay.deliver_now(*row).await {
            tracing::warn!(error = %error, "an effect is delivered later");
        }
    }
}
