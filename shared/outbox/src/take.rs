//! Leasing rows.

use mall_db::Db;

use crate::delivery::Taken;
use crate::relay::Parts;
use crate::unit::{autocommit, read, write};
use crate::{Message, store};

/// Leases due rows that are free, `limit` at most; `SKIP LOCKED` keeps replicas from waiting for each other.
pub async fn batch(parts: &Parts, limit: u32) -> Result<Vec<Taken>, sqlx::Error> {
    let now = parts.clock.now();
    let candidates = read(&parts.db, "outbox_candidates", move |conn| {
        Box::pin(store::candidates(conn, now, limit))
    })
    .await?;
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    lease(&parts.db, parts, candidates).await
}

/// Leases one row, whatever its backoff, when it is the oldest of its key and free.
pub async fn one(parts: &Parts, id: i64) -> Result<Option<Taken>, sqlx::Error> {
    let now = parts.clock.now();
    let until = now + parts.settings.lease;
    let holder = uuid::Uuid::new_v4().to_string();
    let leased_to = holder.clone();
    let message = autocommit(&parts.db, "outbox_take_one", move |conn| {
        let holder = leased_to.clone();
        Box::pin(async move {
            let Some(message) = store::candidate(conn, now, id).await? else {
                return Ok(None);
            };
            let taken = store::lease_one(conn, id, now, &holder, until).await?;
            Ok(taken.then_some(message))
        })
    });
    Ok(message.await?.map(|message| Taken { message, holder }))
}

async fn lease(db: &Db, parts: &Parts, ids: Vec<i64>) -> Result<Vec<Taken>, sqlx::Error> {
    let now = parts.clock.now();
    let until = now + parts.settings.lease;
    // A name of its own for each lease: a row that was lost by its lease and taken again by this same relay must not be
    // settled by the first delivery.
    let holder = uuid::Uuid::new_v4().to_string();
    let leased_to = holder.clone();
    let messages: Vec<Message> = write(db, "outbox_take", move |conn| {
        let (ids, holder) = (ids.clone(), leased_to.clone());
        Box::pin(async move { store::lease(conn, &ids, now, &holder, until).await })
    })
    .await?;
    Ok(messages
        .into_iter()
        .map(|message| Taken {
            message,
            holder: holder.clone(),
        })
        .collect())
}
