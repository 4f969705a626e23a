//! Delivering leased rows, and writing down what came of it.

use std::sync::Arc;
use std::time::Duration;

use mall_fault_points::FaultPoints;

use crate::relay::Parts;
use crate::store::Failure;
use crate::unit::{autocommit, write};
use crate::{DeliverError, Message, backoff, store};

/// A leased row.
pub struct Taken {
    pub message: Message,
    pub holder: String,
}

/// A row whose delivery has ended.
pub struct Delivered {
    pub taken: Taken,
    pub result: Result<(), DeliverError>,
}

/// Delivers one leased row. Neither a panic nor a hang of the receiver's gets out of here.
pub async fn deliver(parts: Arc<Parts>, taken: Taken, faults: FaultPoints) -> Delivered {
    faults.reach("outbox.leased").await;
    let limit = parts.settings.lease.mul_f64(0.75);
    let (deliver, copy) = (Arc::clone(&parts.deliver), taken.message.clone());
    let mut task = tokio::spawn(async move { deliver.deliver(&copy).await });
    let result = match tokio::time::timeout(limit, &mut task).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(DeliverError::Retry("the delivery panicked".to_owned())),
        Err(_) => {
            task.abort();
            Err(DeliverError::Retry("the delivery took too long".to_owned()))
        }
    };
    faults.reach("outbox.delivered").await;
    Delivered { taken, result }
}

/// Writes down what came of deliveries, all in one transaction: one commit for a crowd of them. Answers the soonest wait
/// that a failed row was given.
pub async fn settle(parts: &Parts, done: Vec<Delivered>) -> Result<Option<Duration>, sqlx::Error> {
    if done.is_empty() {
        return Ok(None);
    }
    let (mut delivered, mut failed, mut soonest) = (Vec::new(), Vec::new(), None::<Duration>);
    for Delivered { taken, result } in done {
        let Taken { message, holder } = taken;
        let (error, dead) = match result {
            Ok(()) => {
                delivered.push(message.id);
                continue;
            }
            Err(DeliverError::Retry(error)) => (error, false),
            Err(DeliverError::Dead(error)) => (error, true),
        };
        let failures = message.attempts.saturating_add(1);
        let wait = backoff::delay(failures, parts.settings.max_backoff, rand::random::<f64>());
        if dead {
            tracing::error!(outbox.id = message.id, outbox.topic = %message.topic, outbox.attempts = failures, error = %error, "outbox message given up");
        } else {
            tracing::warn!(outbox.id = message.id, outbox.topic = %message.topic, outbox.attempts = failures, wait_ms = wait.as_millis() as u64, error = %error, "outbox message not delivered, will be tried again");
            soonest = Some(soonest.map_or(wait, |sooner| sooner.min(wait)));
        }
        failed.push(Failure {
            id: message.id,
            holder,
            next_attempt_at: parts.clock.now() + wait,
            error,
            dead,
        });
    }
    if failed.is_empty() {
        let removed = autocommit(&parts.db, "outbox_delivered", move |conn| {
            let delivered = delivered.clone();
            Box::pin(async move { store::delete(conn, &delivered).await })
        });
        return removed.await.map(|()| None);
    }
    write(&parts.db, "outbox_settle", move |conn| {
        let (delivered, failed) = (delivered.clone(), failed.clone());
        Box::pin(async move {
            store::delete(conn, &delivered).await?;
            for failure in &failed {
                store::give_back(conn, failure).await?;
            }
            Ok(())
        })
    })
    .await?;
    Ok(soonest)
}
