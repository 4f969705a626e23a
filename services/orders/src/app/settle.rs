//! Asking payments what a payment came to, and writing it down.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::join_all;
use mall_db::TxError;
use mall_payments_api::{Pay, PaymentState};

use super::step::step;
use crate::domain::status::{PAID, PAYMENT_DECLINED};
use crate::state::Orders;
use crate::store::orders::{self, OrderRow};

/// How many payments the job asks about at the same time.
const AT_ONCE: u32 = 8;

/// What asking came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Paid, and this call wrote it down; the effects' outbox rows.
    Paid(Vec<i64>),
    /// Declined, and this call wrote it down.
    Declined {
        reason: Option<String>,
        effects: Vec<i64>,
    },
    /// Somebody else wrote it down.
    ByAnother,
    /// Not known yet: payments does not know, or refuses to say.
    Unknown,
    /// Not known yet: payments could not be asked.
    Unasked,
}

/// Asks payments to pay an order that is marked as being paid. Payments takes the money at most once, however often it is
/// asked, so this is also how one finds out.
pub async fn settle(app: &Orders, order: &OrderRow) -> Result<Settled, TxError<Infallible>> {
    let request: Option<Pay> = order
        .pay_request
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    let Some(request) = request else {
        tracing::error!(
            order.id = order.id.0,
            "order is being paid, but its request can't be read"
        );
        return Ok(Settled::Unknown);
    };
    let payment = match app.peers.payments.pay(&request).await {
        Ok(payment) => payment,
        Err(error) => {
            if error.is_definite_refusal() {
                tracing::error!(order.id = order.id.0, error = %error, "payments refuses what the order asks");
                return Ok(Settled::Unknown);
            }
            tracing::warn!(order.id = order.id.0, error = %error, "payment stays unsettled");
            return Ok(Settled::Unasked);
        }
    };
    Ok(match payment.state {
        PaymentState::Captured => step(app, order, &PAID)
            .await?
            .map_or(Settled::ByAnother, Settled::Paid),
        PaymentState::Declined => {
            step(app, order, &PAYMENT_DECLINED)
                .await?
                .map_or(Settled::ByAnother, |effects| Settled::Declined {
                    reason: payment.reason,
                    effects,
                })
        }
        PaymentState::Unknown => Settled::Unknown,
    })
}

/// Settles what has been under way for too long; answers how many are known now. Ends early when nobody can be asked.
pub async fn settle_all(app: &Orders, should_stop: impl Fn() -> bool) -> anyhow::Result<u64> {
    let age: Duration = app.config.settle_after.get();
    let cutoff = app.clock.now() - chrono::Duration::from_std(age)?;
    let (mut after, mut known) = (None, 0);
    while !should_stop() {
        let batch = app
            .db
            .read("unsettled_orders", move |conn| {
                Box::pin(async move {
                    Ok::<_, TxError<Infallible>>(
                        orders::unsettled(conn, cutoff, after, AT_ONCE).await?,
                    )
                })
            })
            .await?;
        let Some(last) = batch.last() else { break };
        after = last.paying_since.map(|since| (since, last.id));
        let outcomes = join_all(batch.iter().map(|order| settle(app, order))).await;
        let mut unasked = 0;
        for outcome in outcomes {
            match outcome? {
                Settled::Unknown => {}
                Settled::Unasked => unasked += 1,
                Settled::Paid(_) | Settled::Declined { .. } | Settled::ByAnother => known += 1,
            }
        }
        // Payments is away: asking about all the others would only wait for as many timeouts. Payments that nobody knows
        // are no reason to end: the oldest would keep all later ones from ever being settled.
        if unasked == AT_ONCE as usize {
            break;
        }
    }
    Ok(known)
}
