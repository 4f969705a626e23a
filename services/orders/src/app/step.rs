//! One step of an order, with all that belongs to it in one transaction.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use mall_db::TxError;
use mall_outbox::Entry;
use mall_types::OrderId;
use sqlx::MySqlConnection;

use crate::deliver::{PAYMENT_REFUND, RefundMessage, STOCK_CONFIRM, STOCK_RELEASE, StockMessage};
use crate::domain::status::{By, Effect, MOVED, Transition};
use crate::state::Orders;
use crate::store::history::{self, Why};
use crate::store::steps::{self, OrderRow};

/// Makes the transition with its history row and effects. `None`: the order does not stand where it starts, and nothing
/// was changed. `Some`: the effects' outbox rows.
pub async fn step(
    app: &Orders,
    order: &OrderRow,
    transition: &'static Transition,
    why: &Why,
) -> Result<Option<Vec<i64>>, TxError<Infallible>> {
    make(app, order, transition, transition.cause, why).await
}

/// The same by an admin's hand.
pub async fn step_by_hand(
    app: &Orders,
    order: &OrderRow,
    transition: &'static Transition,
    why: &Why,
) -> Result<Option<Vec<i64>>, TxError<Infallible>> {
    debug_assert!(transition.by.contains(&By::Admin));
    make(app, order, transition, MOVED, why).await
}

async fn make(
    app: &Orders,
    order: &OrderRow,
    transition: &'static Transition,
    cause: &'static str,
    why: &Why,
) -> Result<Option<Vec<i64>>, TxError<Infallible>> {
    let (now, row, why) = (app.clock.now(), order.clone(), why.clone());
    let done = app
        .db
        .run_tx("order_step", move |tx| {
            let (row, why) = (row.clone(), why.clone());
            Box::pin(async move {
                Ok::<_, TxError<Infallible>>(
                    in_transaction(tx, now, &row, transition, cause, &why).await?,
                )
            })
        })
        .await?;
    if done.is_some() {
        tell(app, order.id, transition, cause);
    }
    Ok(done)
}

/// The step within the caller's transaction; [`tell`] when that is committed.
pub async fn in_transaction(
    tx: &mut MySqlConnection,
    now: DateTime<Utc>,
    row: &OrderRow,
    transition: &'static Transition,
    cause: &'static str,
    why: &Why,
) -> Result<Option<Vec<i64>>, sqlx::Error> {
    if !steps::change(tx, now, row.id, transition).await? {
        return Ok(None);
    }
    history::record(tx, now, row.id, transition.to, cause, why).await?;
    let mut rows = Vec::with_capacity(transition.effects.len());
    for entry in effects(row, transition)? {
        rows.push(mall_outbox::enqueue_entry(tx, now, &entry).await?);
    }
    Ok(Some(rows))
}

/// What follows a committed step here: the relay is woken, the step is counted and logged.
pub fn tell(app: &Orders, order: OrderId, transition: &Transition, cause: &'static str) {
    if !transition.effects.is_empty() {
        app.relay.kick();
    }
    app.count(cause, 1);
    tracing::info!(
        order.id = order.0, order.status = %transition.to, cause,
        "order {order} is {}", transition.to
    );
}

/// A transition's effects, for the outbox.
pub fn effects(order: &OrderRow, transition: &Transition) -> Result<Vec<Entry>, sqlx::Error> {
    let entries = transition.effects.iter().map(|effect| match effect {
        Effect::ConfirmStock => stock_entry(STOCK_CONFIRM, &order.reservation),
        Effect::ReleaseStock => stock_entry(STOCK_RELEASE, &order.reservation),
        Effect::RefundPayment => {
            let message = RefundMessage {
                order_id: order.id,
                refund_id: refund_id(order.id),
                amount: order.total,
            };
            Entry::new(PAYMENT_REFUND, format!("payment:{}", order.id), &message)
        }
    });
    entries.collect()
}

/// What stock is told about a reservation. Its messages keep their order; money's have a key of their own, so that the one
/// does not wait for the other.
fn stock_entry(topic: &'static str, reservation: &str) -> Result<Entry, sqlx::Error> {
    let message = StockMessage {
        reservation_id: reservation.to_owned(),
    };
    Entry::new(topic, format!("stock:{reservation}"), &message)
}

/// Tells stock about a reservation.
pub async fn stock(
    tx: &mut MySqlConnection,
    now: DateTime<Utc>,
    topic: &'static str,
    reservation: &str,
) -> Result<i64, sqlx::Error> {
    mall_outbox::enqueue_entry(tx, now, &stock_entry(topic, reservation)?).await
}

/// An order is refunded at most once, so its id is enough.
fn refund_id(order: OrderId) -> String {
    format!("order-{order}")
}
