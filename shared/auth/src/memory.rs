//! What was verified, for as long as it is good.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

const SHARDS: usize = 16;

/// Texts remembered per shard. Only texts with a good signature get in, so each is as short as we write them.
const MOST: usize = 512;

/// What a text said, since when that is known, and until when it is good.
type Shard<T> = HashMap<Box<str>, (T, Range<DateTime<Utc>>)>;

/// A bounded memory of texts and what they said, each until its own end.
pub(crate) struct Memory<T> {
    hasher: RandomState,
    shards: [Mutex<Shard<T>>; SHARDS],
}

impl<T: Clone> Memory<T> {
    pub(crate) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// What `text` says; `read` finds out, with the time at which it ends, when that is not known. Nor is it when the clock has been put
    /// back since: it would be believed for as much longer.
    pub(crate) fn get<E>(
        &self,
        text: &str,
        now: DateTime<Utc>,
        read: impl FnOnce() -> Result<(T, DateTime<Utc>), E>,
    ) -> Result<T, E> {
        let shard = &self.shards[self.hasher.hash_one(text) as usize % SHARDS];
        if let Some((told, good)) = shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(text)
            && good.contains(&now)
        {
            return Ok(told.clone());
        }
        let (told, ends) = read()?;
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MOST {
            shard.retain(|_, (_, good)| good.contains(&now));
            if shard.len() >= MOST {
                shard.clear();
            }
        }
        shard.insert(text.into(), (told.clone(), now..ends));
        Ok(told)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use mall_clock::{Clock, MockClock};

    use super::*;

    #[test]
    fn each_is_remembered_until_its_end_and_errors_are_not() {
        let clock = MockClock::at("2026-05-01T10:00:00+09:00");
        let (memory, asked) = (Memory::new(), Cell::new(0));
        let ends = clock.now() + chrono::Duration::seconds(10);
        let get = |text: &str| {
            memory.get(text, clock.now(), || {
                asked.set(asked.get() + 1);
                if text == "bad" {
                    Err(())
                } else {
                    Ok((7, ends))
                }
            })
        };
        assert_eq!((get("a"), get("a"), asked.get()), (Ok(7), Ok(7), 1));
        assert_eq!((get("bad"), get("bad"), asked.get()), (Err(()), Err(()), 3));
        clock.advance(chrono::Duration::seconds(10));
        assert_eq!((get("a"), asked.get()), (Ok(7), 4));
    }

    #[test]
    fn a_clock_that_is_put_back_makes_nothing_good_for_longer() {
        let clock = MockClock::at("2026-05-01T10:00:00+09:00");
        let (memory, asked) = (Memory::new(), Cell::new(0));
        let ends = clock.now() + chrono::Duration::seconds(10);
        let get = || -> Result<i32, ()> {
            memory.get("a", clock.now(), || {
                asked.set(asked.get() + 1);
                Ok((7, ends))
            })
        };
        assert_eq!((get(), get(), asked.get()), (Ok(7), Ok(7), 1));
        clock.advance(chrono::Duration::hours(-1));
        assert_eq!((get(), asked.get()), (Ok(7), 2), "looked at again");
    }

    #[test]
    fn it_is_bounded() {
        let now = MockClock::at("2026-05-01T10:00:00+09:00").now();
        let memory = Memory::new();
        let ends = now + chrono::Duration::seconds(10);
        for text in 0..3 * SHARDS * MOST {
            let read: Result<usize, ()> = memory.get(&text.to_string(), now, || Ok((text, ends)));
            assert_eq!(read, Ok(text));
        }
        assert!(memory.len() <= SHARDS * MOST);
    }
}
