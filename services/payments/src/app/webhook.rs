//! What a provider tells by itself. Who says it is checked, and what it says is not believed: it makes this service ask the
//! provider, and that answer is what counts.

use std::convert::Infallible;

use http::HeaderMap;
use mall_db::TxError;
use mall_payments_api::{PAYMENT_MISMATCH, PaymentState, RefundState};
use mall_problem::Problem;

use super::ask::{Ask, ask, charge};
use super::refund::{GiveHow, give_back};
use super::{calls, payment};
use crate::domain::AskedBy;
use crate::messages;
use crate::provider::webhook::{Event, Heard, Refused};
use crate::provider::{Found, Verdict};
use crate::state::Payments;
use crate::store::payments::PaymentRow;
use crate::store::webhooks::{self, Known};

/// How long a webhook may be in the making before the same message is let in again: whoever took it the first time has
/// died.
const IN_THE_MAKING: chrono::Duration = chrono::Duration::seconds(30);

/// Takes a webhook of the provider `name`.
pub async fn webhook(
    app: &Payments,
    name: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Problem> {
    let taken = take(app, name, headers, body).await;
    if let Err(problem) = &taken
        && problem.kind().status().is_client_error()
    {
        app.meters.webhooks_refused.inc();
        tracing::warn!(
            target: "audit", event = "webhook.refused", payment.provider = name, code = problem.code(),
            "a webhook was refused, and nothing changed"
        );
    }
    taken
}

async fn take(app: &Payments, name: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
    let heard = app
        .providers
        .named(name)
        .and_then(|provider| provider.webhook(headers, body, app.clock.now()))
        .ok_or_else(|| Problem::not_found("WEBHOOK_UNKNOWN", messages::WEBHOOK_UNKNOWN))?;
    let event = match heard {
        Ok(Heard::Payment(event)) => event,
        Ok(Heard::Other(kind)) => {
            tracing::info!(
                payment.provider = name,
                webhook.kind = kind,
                "webhook not for us"
            );
            return Ok(());
        }
        Err(refused) => return Err(not_let_in(refused)),
    };
    let order = event.order.ok_or_else(payment::unknown)?;
    let (row, _) = payment::load(app, order).await?;
    if row.provider != name {
        return Err(payment::unknown());
    }
    let key_differs =
        matches!((&event.payment_key, &row.payment_key), (Some(told), Some(kept)) if told != kept);
    if key_differs || event.amount.is_some_and(|amount| amount != row.amount) {
        return Err(Problem::conflict(
            PAYMENT_MISMATCH,
            messages::PAYMENT_MISMATCH,
        ));
    }

    match receive(app, name, &event, &row).await? {
        Known::New | Known::SentAgain { done: false } => {}
        // Sent again because our answer was lost: it is seen to.
        Known::SentAgain { done: true } => {
            app.meters.webhooks_repeated.inc();
            return Ok(());
        }
        Known::Replayed { at, done } => {
            if done || app.clock.now() - at < IN_THE_MAKING {
                return Err(Problem::conflict(
                    "WEBHOOK_REPLAYED",
                    messages::WEBHOOK_REPLAYED,
                ));
            }
        }
    }
    look(app, row, &event).await?;
    let (now, provider) = (app.clock.now(), name.to_owned());
    app.db
        .run_tx("webhook_done", move |tx| {
            let (provider, event) = (provider.clone(), event.clone());
            Box::pin(async move {
                webhooks::done(tx, now, &provider, &event).await?;
                Ok::<_, TxError<Infallible>>(())
            })
        })
        .await?;
    app.meters.webhooks_accepted.inc();
    Ok(())
}

fn not_let_in(refused: Refused) -> Problem {
    match refused {
        Refused::Forged(why) => {
            Problem::unauthenticated("WEBHOOK_FORGED", messages::WEBHOOK_FORGED).caused_by(why)
        }
        Refused::Stale => Problem::unauthenticated("WEBHOOK_STALE", messages::WEBHOOK_STALE),
        Refused::Malformed(why) => {
            Problem::invalid("WEBHOOK_MALFORMED", messages::WEBHOOK_MALFORMED).caused_by(why)
        }
    }
}

async fn receive(
    app: &Payments,
    name: &str,
    event: &Event,
    row: &PaymentRow,
) -> Result<Known, Problem> {
    let (now, order) = (app.clock.now(), row.order.0);
    let (provider, event) = (name.to_owned(), event.clone());
    let received = app.db.run_tx("receive_webhook", move |tx| {
        let (provider, event) = (provider.clone(), event.clone());
        Box::pin(async move {
            let known = webhooks::receive(tx, now, &provider, &event, order).await?;
            Ok::<_, TxError<Infallible>>(known)
        })
    });
    Ok(received.await?)
}

/// Asks the provider about what the webhook is about.
async fn look(app: &Payments, row: PaymentRow, event: &Event) -> Result<(), Problem> {
    let was_known = row.state != PaymentState::Unknown;
    let row = ask(app, row, Ask::LookOnly, AskedBy::Webhook).await?;
    if row.state == PaymentState::Unknown {
        // An end is told, and the provider can't be asked about it: it shall tell again.
        return if event.is_final {
            Err(Problem::unavailable(
                "PAYMENT_UNSETTLED",
                messages::PAYMENT_UNSETTLED,
            ))
        } else {
            Ok(())
        };
    }
    let (payment, refund) = payment::load(app, row.order).await?;
    match refund {
        Some(refund) if refund.state == RefundState::Unknown => {
            give_back(app, &payment, refund, GiveHow::LookOnly, AskedBy::Webhook).await?;
        }
        None if was_known && event.is_final => check(app, &payment).await,
        _ => {}
    }
    Ok(())
}

/// Something happened to a payment that is settled and has no refund: whether it is still what is written down.
async fn check(app: &Payments, row: &PaymentRow) {
    let Some(provider) = app.providers.named(&row.provider) else {
        return;
    };
    let found = calls::timed(app, provider.find(&charge(row))).await;
    let is_same = match (&found, row.state) {
        (Ok(Found::Settled(Verdict::Captured(_))), state) => state == PaymentState::Captured,
        (Ok(Found::Settled(Verdict::Declined(_))), state) => state == PaymentState::Declined,
        _ => true,
    };
    if !is_same {
        app.meters.contradictions.inc();
        tracing::error!(
            target: "audit", event = "payment.contradiction", order.id = row.order.0, payment.state = ?row.state,
            provider.state = ?found, "the provider gave money back, or took it, without being asked to by the mall"
        );
    }
}
