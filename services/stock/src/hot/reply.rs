//! The answers of the scripts.

use mall_lock::LockError;
use uuid::Uuid;

/// Why Redis could not be used.
#[derive(Debug)]
pub enum HotError {
    /// The product's lock was not to be had in time; nothing changed.
    LockTimeout,
    /// Redis is away; what was asked may have happened.
    Away(String),
}

impl std::fmt::Display for HotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LockTimeout => f.write_str("lock not to be had in time"),
            Self::Away(error) => write!(f, "redis: {error}"),
        }
    }
}

impl std::error::Error for HotError {}

impl From<LockError> for HotError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Timeout => Self::LockTimeout,
            other => Self::Away(other.to_string()),
        }
    }
}

impl From<redis::RedisError> for HotError {
    fn from(error: redis::RedisError) -> Self {
        Self::Away(error.to_string())
    }
}

/// What came of one request in a batch of takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// Taken now, under the batch's nonce.
    Taken,
    /// Taken before and still pending, under this nonce.
    Pending(Uuid),
    /// MySQL has a row of this id.
    Booked,
    /// Too few: so many are left.
    Short(i64),
}

/// What came of a batch of takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Takes {
    /// The count has to be loaded from MySQL first.
    NotLoaded,
    /// One outcome per request, in order.
    Done {
        /// Redis' clock, in milliseconds since 1970.
        now: i64,
        /// How long ago the count was loaded, in milliseconds.
        age: i64,
        /// How many of the booked takes were not pending any more: the count shows too many.
        missing: i64,
        /// In the order asked.
        outcomes: Vec<Take>,
    },
}

fn nonsense(words: &[String]) -> HotError {
    HotError::Away(format!("script answered {words:?}"))
}

/// Reads the answer of `take.lua`, after `LOCKED` and `LOST_LOCK` were dealt with.
pub fn takes(words: &[String], asked: usize) -> Result<Takes, HotError> {
    match words {
        [word] if word == "NOT_LOADED" => Ok(Takes::NotLoaded),
        [ok, now, age, missing, outcomes] if ok == "OK" => {
            let now = now.parse().map_err(|_| nonsense(words))?;
            let age: i64 = age.parse().map_err(|_| nonsense(words))?;
            let missing = missing.parse().map_err(|_| nonsense(words))?;
            let mut read = Vec::with_capacity(asked);
            for word in outcomes.split_terminator(' ') {
                read.push(take(word).ok_or_else(|| nonsense(words))?);
            }
            if read.len() != asked {
                return Err(nonsense(words));
            }
            Ok(Takes::Done {
                now,
                age,
                missing,
                outcomes: read,
            })
        }
        _ => Err(nonsense(words)),
    }
}

fn take(word: &str) -> Option<Take> {
    match word.split_at_checked(1)? {
        ("T", "") => Some(Take::Taken),
        ("B", "") => Some(Take::Booked),
        ("D", nonce) => Some(Take::Pending(nonce.parse().ok()?)),
        ("S", left) => Some(Take::Short(left.parse().ok()?)),
        _ => None,
    }
}

/// Reads `OK` with a number.
pub fn number(words: &[String]) -> Result<i64, HotError> {
    match words {
        [ok, number] if ok == "OK" => number.parse().map_err(|_| nonsense(words)),
        _ => Err(nonsense(words)),
    }
}

/// A take that waits for its row in MySQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The request.
    pub id: Uuid,
    /// Pieces.
    pub quantity: i64,
    /// When it is old enough to be settled by somebody else, in milliseconds of Redis' clock.
    pub deadline: i64,
    /// The batch that took it.
    pub nonce: Uuid,
}

/// Reads an entry of the pending hash; nothing of what no version of ours wrote.
pub fn pending(nonce: &str, entry: &str) -> Vec<Pending> {
    let read = || -> Option<Vec<Pending>> {
        let nonce = nonce.parse().ok()?;
        let mut parts = entry.splitn(3, '|');
        let deadline = parts.next()?.parse().ok()?;
        let (_minute, takes) = (parts.next()?, parts.next()?);
        let words: Vec<&str> = takes.split(' ').collect();
        let read = words.chunks(2).map(|take| {
            let [id, quantity] = take else { return None };
            Some(Pending {
                id: id.parse().ok()?,
                quantity: quantity.parse().ok()?,
                deadline,
                nonce,
            })
        });
        read.collect()
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.splitn(5, ' ').map(str::to_owned).collect()
    }

    #[test]
    fn every_word_of_a_batch_is_read() {
        let nonce = Uuid::from_u128(7);
        let answer = words(&format!("OK 1700 500 2 T D{nonce} B S0 S12"));
        let expected = vec![
            Take::Taken,
            Take::Pending(nonce),
            Take::Booked,
            Take::Short(0),
            Take::Short(12),
        ];
        assert_eq!(
            takes(&answer, 5).unwrap(),
            Takes::Done {
                now: 1700,
                age: 500,
                missing: 2,
                outcomes: expected
            }
        );
        assert_eq!(
            takes(&words("OK 9 120000 0 "), 0).unwrap(),
            Takes::Done {
                now: 9,
                age: 120_000,
                missing: 0,
                outcomes: Vec::new()
            }
        );
        assert_eq!(takes(&words("NOT_LOADED"), 3).unwrap(), Takes::NotLoaded);
    }

    #[test]
    fn an_answer_that_does_not_fit_the_question_is_no_answer() {
        for bad in [
            "OK 9 1 0 T",
            "OK 9 1 0 T X",
            "OK x 1 0 T T",
            "OK 9 x 0 T T",
            "OK 9 1 x T T",
            "OK 9 1 0 T S",
            "OK 9 1 T T",
            "LOCKED",
            "OK 9 1 0 Dx T",
            "OK 9 1 0 T T T",
        ] {
            assert!(takes(&words(bad), 2).is_err(), "{bad}");
        }
        assert!(number(&words("OK")).is_err() && number(&words("STALE 1")).is_err());
        assert_eq!(number(&words("OK 3")).unwrap(), 3);
    }

    #[test]
    fn pending_entries_read_back() {
        let (one, two, nonce) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let take = |id, quantity| Pending {
            id,
            quantity,
            deadline: 1_700_000_000_000,
            nonce,
        };
        let entry = format!("1700000000000|28333333|{one} 3 {two} 1");
        let read = pending(&nonce.to_string(), &entry);
        assert_eq!(read, [take(one, 3), take(two, 1)]);
        for bad in [
            String::new(),
            "3|1".to_owned(),
            format!("1|2|{one}"),
            format!("1|2|{one} x"),
            format!("x|2|{one} 1"),
        ] {
            assert_eq!(pending(&nonce.to_string(), &bad), [], "{bad}");
        }
        assert_eq!(pending("x", &entry), []);
    }
}
