//! One step of an order, with all that belongs to it in one transaction.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use mall_db::TxError;
use mall_types::OrderId;
use sqlx::MySqlConnection;

use crate::deliver::{PAYMENT_REFUND, RefundMessage, STOCK_CONFIRM, STOCK_RELEASE, StockMessage};
use crate::domain::status::{Effect, Transition};
use crate::state::Orders;
use crate::store::history;
use crate::store::orders::{self, OrderRow};

/// Makes the transition with its history row and effects. `None`: the order does not stand where it starts, and nothing
/// was changed. `Some`: the effects' outbox rows.
pub async fn step(
    app: &Orders,
    order: &OrderRow,
    transition: &'static Transition,
) -> Result<Option<Vec<i64>>, TxError<Infallible>> {
    let (now, row) = (app.clock.now(), order.clone());
    let done = app
        .db
        .run_tx("order_step", move |tx| {
            let row = row.clone();
            Box::pin(async move {
                if !orders::change(tx, now, row.id, transition).await? {
                    return Ok(None);
                }
                history::insert(tx, now, &[row.id], transition.to, transition.cause).await?;
                Ok::<_, TxError<Infallible>>(Some(enqueue(tx, now, &row, transition).await?))
            })
        })
        .await?;
    if done.is_some() {
        app.relay.kick();
        app.count(transition.cause, 1);
        tracing::info!(
            order.id = order.id.0, order.status = %transition.to, cause = transition.cause,
            "order {} is {}", order.id, transition.to
        );
    }
    Ok(done)
}

/// Writes a transition's effects to the outbox.
pub async fn enqueue(
    tx: &mut MySqlConnection,
    now: DateTime<Utc>,
    order: &OrderRow,
    transition: &Transition,
) -> Result<Vec<i64>, sqlx::Error> {
    let mut rows = Vec::with_capacity(transition.effects.len());
    for effect in transition.effects {
        rows.push(match effect {
            Effect::ConfirmStock => stock(tx, now, STOCK_CONFIRM, &order.reservation).await?,
            Effect::ReleaseStock => stock(tx, now, STOCK_RELEASE, &order.reservation).await?,
            Effect::RefundPayment => {
                let message = RefundMessage {
                    order_id: order.id,
                    refund_id: refund_id(order.id),
                    amount: order.total,
                };
                mall_outbox::enqueue(
                    tx,
                    now,
                    PAYMENT_REFUND,
                    &format!("payment:{}", order.id),
                    &message,
                )
                .await?
            }
        });
    }
    Ok(rows)
}

/// Tells stock about a reservation. Its messages keep their order; money's have a key of their own, so that the one does
/// not wait for the other.
pub async fn stock(
    tx: &mut MySqlConnection,
    now: DateTime<Utc>,
    topic: &str,
    reservation: &str,
) -> Result<i64, sqlx::Error> {
    let message = StockMessage {
        reservation_id: reservation.to_owned(),
    };
    mall_outbox::enqueue(tx, now, topic, &format!("stock:{reservation}"), &message).await
}

/// An order is refunded at most once, so its id is enough.
fn refund_id(order: OrderId) -> String {
    format!("order-{order}")
}
