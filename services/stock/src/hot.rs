//! The hot count in Redis: what can be taken of each product, and the takes on their way to MySQL.
//!
//! **Every script that changes a count checks the lock in the same step** (the fence): either nobody holds `LOCK:<id>` - then
//! the script itself is the whole of taking it, changing, and letting go, in one round trip - or it is held by the holder
//! that the script names. A holder that was paused past its lease therefore changes nothing.
//!
//! **A take has two ids**: the request's, under which nothing is ever taken twice, and the nonce of the batch that took it,
//! under which alone it is put back or settled. So whoever is late - a slow instance, a repair - can't undo another's take. A batch
//! is pending as one entry, so that the usual end of it - all of it is booked - costs the same for one request and for hundreds.
//!
//! The scripts beside this file (`hot/*.lua`) are the specification; read `take.lua` first.

mod args;
mod keys;
mod reply;

use std::future::Future;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use mall_lock::{Guard, Locks};
use mall_types::ProductId;
use redis::aio::ConnectionManager;
use redis::{ErrorKind, FromRedisValue, RedisResult, Script, ServerErrorKind};
use uuid::Uuid;

use crate::domain::MAX_PIECES;
use args::Args;
pub use reply::{HotError, Pending, Take, Takes};

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("hot/take.lua")));
static PUT_BACK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("hot/entry.lua"),
        include_str!("hot/put_back.lua")
    ))
});
static SETTLE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("hot/entry.lua"),
        include_str!("hot/settle.lua")
    ))
});
static GIVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("hot/give.lua")));
static LOAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("hot/load.lua")));

/// The channel on which the scripts say that pieces of a product are back: its id. So marks of sold out products end.
pub const BACK: &str = "mall:stock:back";

/// No question to Redis takes longer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// So many takes at most are one question: Lua's commands have room for so many arguments.
pub const MOST: usize = 1000;

/// A holder that lost the lock tries again with a new hold, so often.
const HOLDS: usize = 3;

/// What a count shows, with the name for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Pieces.
    pub available: i64,
    /// The product's name.
    pub name: String,
}

/// All that Redis knows of one product, read in one step.
#[derive(Clone, Debug)]
pub struct Known {
    /// The count; `None` when not loaded.
    pub available: Option<i64>,
    /// The name; `None` when not loaded.
    pub name: Option<String>,
    /// Takes without a row so far.
    pub pending: Vec<Pending>,
    /// Redis' clock, milliseconds.
    pub now: i64,
}

/// How a settled take ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// MySQL has its row.
    Booked,
    /// MySQL refused it: it has less than Redis showed. The count must be loaded anew after.
    Void,
}

/// A batch whose takes all have their rows in MySQL.
#[derive(Clone, Debug)]
pub struct Booked {
    /// Its nonce.
    pub nonce: Uuid,
    /// The requests.
    pub ids: Vec<Uuid>,
}

/// The counts of one Redis. Cheap to clone.
#[derive(Clone)]
pub struct Hot {
    redis: ConnectionManager,
    locks: Locks,
    wait: Duration,
    lease: Duration,
}

/// A script with its keys and arguments; the holder comes first among the arguments.
struct Change<'a> {
    script: &'static Script,
    keys: Vec<String>,
    args: &'a Args,
}

impl Hot {
    /// Counts under locks that are waited for and held so long.
    pub fn new(redis: ConnectionManager, locks: Locks, wait: Duration, lease: Duration) -> Self {
        Self {
            redis,
            locks,
            wait,
            lease,
        }
    }

    /// How long a change waits for its lock.
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// The lock of a product, for work of more than one step.
    pub async fn hold(&self, id: ProductId) -> Result<Guard, HotError> {
        Ok(self
            .locks
            .acquire(&keys::lock(id), self.wait, self.lease)
            .await?)
    }

    /// Takes for a batch of requests, each accepted or refused on its own; in the same step settles batches that are `booked` by
    /// now. Neither is done unless the answer is [`Takes::Done`].
    pub async fn take(
        &self,
        id: ProductId,
        nonce: Uuid,
        age: Duration,
        wait: Duration,
        booked: &[Booked],
        batch: &[(Uuid, i64)],
    ) -> Result<Takes, HotError> {
        let mut args = Args::with_capacity(3 + 2 * (booked.len() + batch.len()));
        args.text(&age.as_millis().to_string())
            .id(nonce)
            .number(count(booked));
        wholes(&mut args, booked);
        for (request, quantity) in batch {
            // More than there can be is short all the same, and exact in Lua.
            args.id(*request)
                .number((*quantity).clamp(0, 2 * MAX_PIECES));
        }
        let change = Change {
            script: &TAKE,
            keys: vec![
                keys::lock(id),
                keys::available(id),
                keys::pending(id),
                keys::takes(id),
                keys::loaded(id),
            ],
            args: &args,
        };
        reply::takes(&self.fenced(id, change, wait).await?, batch.len())
    }

    /// Puts back takes that will never be booked; returns how many pieces.
    pub async fn put_back(&self, id: ProductId, takes: &[(Uuid, Uuid)]) -> Result<i64, HotError> {
        let mut args = Args::with_capacity(2 * takes.len());
        args.takes(takes);
        let change = Change {
            script: &PUT_BACK,
            keys: vec![
                keys::lock(id),
                keys::available(id),
                keys::pending(id),
                keys::takes(id),
            ],
            args: &args,
        };
        reply::number(&self.fenced(id, change, self.wait).await?)
    }

    /// Ends the pending life of takes; returns how many were not pending any more.
    pub async fn settle(
        &self,
        id: ProductId,
        how: Settled,
        takes: &[(Uuid, Uuid)],
    ) -> Result<i64, HotError> {
        let mode = match how {
            Settled::Booked => "booked",
            Settled::Void => "void",
        };
        let mut missing = 0;
        for takes in takes.chunks(MOST) {
            let mut args = Args::with_capacity(2 * takes.len());
            args.takes(takes);
            missing += self.settle_with(id, mode, &args).await?;
        }
        Ok(missing)
    }

    /// Ends the pending life of batches that are booked; returns how many takes were not pending any more.
    pub async fn settle_whole(&self, id: ProductId, booked: &[Booked]) -> Result<i64, HotError> {
        let mut args = Args::default();
        wholes(&mut args, booked);
        self.settle_with(id, "whole", &args).await
    }

    async fn settle_with(&self, id: ProductId, mode: &str, args: &Args) -> Result<i64, HotError> {
        let keys = [keys::pending(id), keys::takes(id)];
        reply::number(&self.eval::<Vec<String>>(&SETTLE, &keys, mode, args).await?)
    }

    /// Adds pieces that MySQL gave back; `false`: the count was loaded since `epoch` and must be loaded anew.
    pub async fn give(
        &self,
        id: ProductId,
        epoch: &str,
        pieces: i64,
        wait: Duration,
    ) -> Result<bool, HotError> {
        let mut args = Args::default();
        args.text(epoch).number(pieces);
        let keys = vec![keys::lock(id), keys::available(id), keys::epoch(id)];
        let words = self
            .fenced(
                id,
                Change {
                    script: &GIVE,
                    keys,
                    args: &args,
                },
                wait,
            )
            .await?;
        match words.first().map(String::as_str) {
            Some("OK") => Ok(true),
            Some("STALE") => Ok(false),
            _ => Err(HotError::Away(format!("script answered {words:?}"))),
        }
    }

    /// The epoch of each product's count, for [`Hot::give`]; empty when not loaded.
    pub async fn epochs(&self, ids: &[ProductId]) -> Result<Vec<String>, HotError> {
        let mut pipe = redis::pipe();
        for id in ids {
            pipe.get(keys::epoch(*id));
        }
        let mut redis = self.redis.clone();
        let found: Vec<Option<String>> = in_time(pipe.query_async(&mut redis)).await?;
        Ok(found.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// Sets the count under a held lock; `false`: the lock was lost, nothing changed.
    pub async fn load(
        &self,
        id: ProductId,
        guard: &Guard,
        name: &str,
        count: i64,
    ) -> Result<bool, HotError> {
        let mut args = Args::default();
        args.id(Uuid::new_v4()).text(name).number(count);
        self.load_with(id, guard, &args).await
    }

    /// Takes the count away under a held lock: nobody can take until it is loaded. `false`: the lock was lost.
    pub async fn unload(&self, id: ProductId, guard: &Guard) -> Result<bool, HotError> {
        let mut args = Args::default();
        args.text("").text("");
        self.load_with(id, guard, &args).await
    }

    async fn load_with(&self, id: ProductId, guard: &Guard, args: &Args) -> Result<bool, HotError> {
        let keys = vec![
            keys::lock(id),
            keys::available(id),
            keys::epoch(id),
            keys::name(id),
            keys::loaded(id),
        ];
        let words = self
            .run(
                &Change {
                    script: &LOAD,
                    keys,
                    args,
                },
                guard.holder(),
            )
            .await?;
        Ok(words.first().is_some_and(|word| word == "OK"))
    }

    /// All that Redis knows of a product.
    pub async fn known(&self, id: ProductId) -> Result<Known, HotError> {
        let mut redis = self.redis.clone();
        let mut pipe = redis::pipe();
        pipe.atomic()
            .get(keys::available(id))
            .get(keys::name(id))
            .hgetall(keys::pending(id))
            .cmd("TIME");
        type Answer = (
            Option<i64>,
            Option<String>,
            Vec<(String, String)>,
            (i64, i64),
        );
        let (available, name, entries, (seconds, micros)): Answer =
            in_time(pipe.query_async(&mut redis)).await?;
        let pending = entries
            .iter()
            .flat_map(|(nonce, entry)| reply::pending(nonce, entry))
            .collect();
        Ok(Known {
            available,
            name,
            pending,
            now: seconds * 1000 + micros / 1000,
        })
    }

    /// What each product's count shows, in the order asked; `None` when not loaded.
    pub async fn shown(&self, ids: &[ProductId]) -> Result<Vec<Option<Shown>>, HotError> {
        let mut redis = self.redis.clone();
        let mut pipe = redis::pipe();
        for id in ids {
            pipe.cmd("MGET")
                .arg(keys::available(*id))
                .arg(keys::name(*id));
        }
        let found: Vec<(Option<i64>, Option<String>)> =
            in_time(pipe.query_async(&mut redis)).await?;
        let shown = found.into_iter().map(|(available, name)| {
            let (available, name) = available.zip(name)?;
            Some(Shown { available, name })
        });
        Ok(shown.collect())
    }

    /// What each product's count shows; `None` when not loaded.
    pub async fn available(&self, ids: &[ProductId]) -> Result<Vec<Option<i64>>, HotError> {
        let mut redis = self.redis.clone();
        let mut pipe = redis::pipe();
        for id in ids {
            pipe.get(keys::available(*id));
        }
        in_time(pipe.query_async(&mut redis)).await
    }

    /// How many batches of each product are pending.
    pub async fn pending_counts(&self, ids: &[ProductId]) -> Result<Vec<i64>, HotError> {
        let mut redis = self.redis.clone();
        let mut pipe = redis::pipe();
        for id in ids {
            pipe.hlen(keys::pending(*id));
        }
        in_time(pipe.query_async(&mut redis)).await
    }

    /// Runs a change: at once when nobody holds the lock, else under a hold of our own, waited for at most `wait`.
    async fn fenced(
        &self,
        id: ProductId,
        change: Change<'_>,
        wait: Duration,
    ) -> Result<Vec<String>, HotError> {
        let give_up = Instant::now() + wait;
        let words = self.run(&change, "").await?;
        if !is(&words, "LOCKED") {
            return Ok(words);
        }
        for _ in 0..HOLDS {
            let left = give_up.saturating_duration_since(Instant::now());
            let guard = self
                .locks
                .acquire(&keys::lock(id), left, self.lease)
                .await?;
            let words = self.run(&change, guard.holder()).await?;
            if is(&words, "LOST_LOCK") {
                continue;
            }
            // Dropped when the release fails: the change is made, the lease ends the hold.
            let _ = guard.release().await;
            return Ok(words);
        }
        Err(HotError::LockTimeout)
    }

    async fn run(&self, change: &Change<'_>, holder: &str) -> Result<Vec<String>, HotError> {
        self.eval(change.script, &change.keys, holder, change.args)
            .await
    }

    /// Runs a script; Redis is told of it when it does not know it.
    async fn eval<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        first: &str,
        args: &Args,
    ) -> Result<T, HotError> {
        let call = args::call(script, keys, first, args);
        let mut redis = self.redis.clone();
        let answer = async {
            match call.query_async(&mut redis).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    script.load_async(&mut redis).await?;
                    call.query_async(&mut redis).await
                }
                answer => answer,
            }
        };
        in_time(answer).await
    }
}

/// Nonce and number of takes of each batch.
fn wholes(args: &mut Args, booked: &[Booked]) {
    for batch in booked {
        args.id(batch.nonce).number(count(&batch.ids));
    }
}

fn count<T>(of: &[T]) -> i64 {
    i64::try_from(of.len()).unwrap_or(i64::MAX)
}

fn is(words: &[String], word: &str) -> bool {
    words.first().is_some_and(|first| first == word)
}

async fn in_time<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T, HotError> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(HotError::Away("no answer in time".to_owned())),
    }
}
