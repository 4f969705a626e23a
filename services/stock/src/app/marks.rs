//! Which products are sold out, as Redis said a moment ago: a crowd at an empty shelf is refused here, without asking anybody.
//!
//! A mark is good for a short time, and is ended before that as soon as pieces are back: at once by this process, by a message from
//! the others ([`listen`]). A message that is lost costs the rest of that time and no more.
//!
//! **A repeated request is not refused by a mark**, because it may have been accepted: only a request whose id is younger than the
//! mark is. What is refused that way was first asked for when nothing was left.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use mall_types::ProductId;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::{Order, Refusal};
use crate::hot::BACK;
use crate::state::{SharedStock, Stock};

/// How long a mark is believed unless another time is set.
const AGE: Duration = Duration::from_millis(100);
/// So many products are known at a time before old ones are looked for.
const MANY: usize = 1024;
/// For so long it matters that pieces came back: no question to Redis is under way for longer.
const MATTERS: Duration = Duration::from_secs(10);
const RECONNECT_AFTER: Duration = Duration::from_millis(200);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A connection that died without a word is found after so long.
const PING_EVERY: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Default)]
struct Shelf {
    /// Empty since then: in milliseconds of Redis' clock, whose time of day is compared with the ids', and by a clock that never jumps.
    empty: Option<(i64, Instant)>,
    /// When pieces last came back.
    back: Option<Instant>,
}

/// The marks.
pub struct Marks {
    age_ms: AtomicU64,
    shelves: Mutex<HashMap<ProductId, Shelf>>,
}

impl Default for Marks {
    fn default() -> Self {
        let marks = Self {
            age_ms: AtomicU64::new(0),
            shelves: Mutex::default(),
        };
        marks.believe_for(AGE);
        marks
    }
}

impl Marks {
    fn shelves(&self) -> MutexGuard<'_, HashMap<ProductId, Shelf>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms.load(Ordering::Relaxed))
    }

    /// How long a mark is believed; zero: never.
    pub fn believe_for(&self, age: Duration) {
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.age_ms.store(age, Ordering::Relaxed);
    }

    /// Redis, asked then, says that nothing is left; by both clocks, as [`Shelf::empty`].
    pub(crate) fn sold_out(&self, product: ProductId, asked: (i64, Instant)) {
        let mut shelves = self.shelves();
        if shelves.len() >= MANY {
            let age = self.age();
            shelves.retain(|_, shelf| {
                shelf.back.is_some_and(|back| back.elapsed() < MATTERS)
                    || shelf.empty.is_some_and(|(_, since)| since.elapsed() < age)
            });
        }
        let shelf = shelves.entry(product).or_default();
        // The word that pieces are back may have overtaken the answer that none are left.
        if shelf.back.is_none_or(|back| back < asked.1) {
            shelf.empty = Some(asked);
        }
    }

    /// Pieces are back.
    pub(crate) fn back(&self, product: ProductId) {
        let mut shelves = self.shelves();
        let shelf = shelves.entry(product).or_default();
        *shelf = Shelf {
            empty: None,
            back: Some(Instant::now()),
        };
    }

    /// Pieces of any product may be back.
    fn all_back(&self) {
        for shelf in self.shelves().values_mut() {
            *shelf = Shelf {
                empty: None,
                back: Some(Instant::now()),
            };
        }
    }

    /// Whether a request of this id was first made when the product was sold out, and the product still is.
    pub(crate) fn refuses(&self, product: ProductId, id: Uuid) -> bool {
        let shelf = self.shelves().get(&product).copied().unwrap_or_default();
        let Some((at, since)) = shelf.empty else {
            return false;
        };
        since.elapsed() < self.age() && made(id).is_some_and(|made| made > at)
    }
}

/// When an id was made, in milliseconds since 1970; `None`: it does not say.
pub(crate) fn made(id: Uuid) -> Option<i64> {
    if id.get_version_num() != 7 {
        return None;
    }
    i64::try_from(id.as_u128() >> 80).ok()
}

impl Stock {
    /// Refuses what is known to be sold out.
    pub(crate) fn check_marks(&self, order: &Order) -> Result<(), Refusal> {
        let empty = order
            .products()
            .find(|product| self.marks.refuses(*product, order.id));
        match empty {
            Some(product) => {
                self.metrics.marked.inc();
                Err(Refusal::SoldOut(product))
            }
            None => Ok(()),
        }
    }
}

/// Hears from the other instances that pieces are back, until `stopping`.
pub async fn listen(stock: SharedStock, client: redis::Client, stopping: CancellationToken) {
    listen_pinging(stock, client, stopping, PING_EVERY).await;
}

/// [`listen`], looking so often whether the connection still lives.
pub async fn listen_pinging(
    stock: SharedStock,
    client: redis::Client,
    stopping: CancellationToken,
    ping_every: Duration,
) {
    let mut told = false;
    loop {
        let lost = tokio::select! {
            () = stopping.cancelled() => return,
            lost = listen_once(&stock, &client, ping_every, &mut told) => lost,
        };
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(error = %lost, "no word from the other instances when pieces come back: marks end by themselves meanwhile");
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(RECONNECT_AFTER) => {}
        }
    }
}

/// Returns why it ended.
async fn listen_once(
    stock: &Stock,
    client: &redis::Client,
    ping_every: Duration,
    told: &mut bool,
) -> String {
    let connected = async {
        let mut connected = client.get_async_pubsub().await?;
        connected.subscribe(BACK).await?;
        Ok::<_, redis::RedisError>(connected)
    };
    let (mut sink, mut messages) = match timeout(ANSWER_WITHIN, connected).await {
        Ok(Ok(connected)) => connected.split(),
        Ok(Err(error)) => return error.to_string(),
        Err(_) => return "no connection in time".to_owned(),
    };
    // What was said meanwhile was not heard.
    stock.marks.all_back();
    *told = false;
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(message) = message else { return "connection closed".to_owned() };
                if let Ok(product) = message.get_payload::<i64>() {
                    stock.marks.back(ProductId(product));
                }
            }
            () = tokio::time::sleep(ping_every) => {
                // The answer on a subscribed connection is a list, on none a word.
                match timeout(ANSWER_WITHIN, sink.ping::<redis::Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return error.to_string(),
                    Err(_) => return "no answer to a ping".to_owned(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MUG: ProductId = ProductId(1);

    fn id(millis: i64) -> Uuid {
        let seconds = u64::try_from(millis / 1000).unwrap();
        let nanos = u32::try_from(millis % 1000).unwrap() * 1_000_000;
        let context = uuid::NoContext;
        Uuid::new_v7(uuid::Timestamp::from_unix(context, seconds, nanos))
    }

    fn marked(age: Duration) -> (Marks, (i64, Instant)) {
        let marks = Marks::default();
        marks.believe_for(age);
        (marks, (5_000, Instant::now()))
    }

    #[test]
    fn ids_say_when_they_were_made() {
        assert_eq!(made(id(5_001)), Some(5_001));
        assert_eq!(made(Uuid::new_v4()), None);
    }

    #[test]
    fn only_requests_that_are_younger_than_the_mark_are_refused() {
        let (marks, asked) = marked(Duration::from_secs(3600));
        assert!(!marks.refuses(MUG, id(9_000)));
        marks.sold_out(MUG, asked);
        assert!(marks.refuses(MUG, id(5_001)));
        assert!(!marks.refuses(ProductId(2), id(5_001)));
        for other in [id(5_000), id(4_000), Uuid::new_v4(), Uuid::nil()] {
            assert!(!marks.refuses(MUG, other), "it may have been accepted");
        }
        marks.back(MUG);
        assert!(!marks.refuses(MUG, id(9_000)));
    }

    #[test]
    fn word_that_pieces_are_back_may_overtake_the_answer() {
        let (marks, asked) = marked(Duration::from_secs(3600));
        marks.back(MUG);
        marks.sold_out(MUG, asked);
        assert!(
            !marks.refuses(MUG, id(9_000)),
            "asked before they were back"
        );
        marks.sold_out(ProductId(2), asked);
        marks.all_back();
        assert!(!marks.refuses(ProductId(2), id(9_000)));
    }

    #[test]
    fn a_mark_ends_by_itself() {
        let (marks, (at, now)) = marked(Duration::from_secs(3600));
        let old = now.checked_sub(Duration::from_secs(3601)).unwrap();
        marks.sold_out(MUG, (at, old));
        assert!(!marks.refuses(MUG, id(9_000)), "counted from the question");
        marks.believe_for(Duration::ZERO);
        marks.sold_out(MUG, (at, Instant::now()));
        assert!(!marks.refuses(MUG, id(9_000)));
    }
}
