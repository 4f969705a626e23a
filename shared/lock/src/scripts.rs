//! The scripts, in our own words but to Redisson's effect, and the names that both use.
//!
//! Each names the hold count that it leads to instead of adding to it: one that is sent twice, or whose answer is lost and
//! which is then corrected, can't leave a hold too many or too few.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisResult, Script};

/// KEYS: lock, token counter (fenced only). ARGV: lease, holder field, hold count that this leads to.
/// `{1, token or 0}`: held. `{0, ms left of the other}`: taken. `{-1, 0}`: to be re-entered, but not held any more.
static ACQUIRE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then
            if ARGV[3] ~= '1' then
                return {-1, 0}
            end
            if redis.call('EXISTS', KEYS[1]) == 1 then
                return {0, redis.call('PTTL', KEYS[1])}
            end
        end
        redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
        if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
            redis.call('PEXPIRE', KEYS[1], ARGV[1])
        end
        if KEYS[2] then
            return {1, redis.call('INCR', KEYS[2])}
        end
        return {1, 0}
        ",
    )
});

/// KEYS: lock, channel. ARGV: message, lease, holder field, hold count that is left.
/// nil: not this holder's. 0: held once less. 1: free now, and the waiters are told.
static UNLOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('HEXISTS', KEYS[1], ARGV[3]) == 0 then
            return nil
        end
        if ARGV[4] ~= '0' then
            redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
            if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
                redis.call('PEXPIRE', KEYS[1], ARGV[2])
            end
            return 0
        end
        redis.call('DEL', KEYS[1])
        redis.call('PUBLISH', KEYS[2], ARGV[1])
        return 1
        ",
    )
});

/// ARGV: lease, holder field, `1`: also when that shortens it. 1: the lease starts anew. 0: not this holder's.
static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then
            return 0
        end
        if ARGV[3] == '1' or redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
            redis.call('PEXPIRE', KEYS[1], ARGV[1])
        end
        return 1
        ",
    )
});

/// Whoever holds it: free now, and the waiters are told (1). 0: it was free.
static FORCE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('DEL', KEYS[1]) == 0 then
            return 0
        end
        redis.call('PUBLISH', KEYS[2], ARGV[1])
        return 1
        ",
    )
});

/// What a release publishes; Redisson's unlock message.
const UNLOCKED: &str = "0";

/// Redis refuses times that its clock can't reach; nobody waits for this one.
const LONGEST_MS: u64 = 100 * 365 * 24 * 3600 * 1000;

/// The channel on which the release of `name` is announced: Redisson's, which keeps it in the name's hash slot.
#[must_use]
pub fn channel_of(name: &str) -> String {
    beside("redisson_lock__channel", name)
}

/// The counter behind [`crate::Guard::token`]: Redisson's, in the name's hash slot. It has no end of its own.
#[must_use]
pub fn token_key_of(name: &str) -> String {
    beside("redisson_lock_token", name)
}

fn beside(what: &str, name: &str) -> String {
    if name.contains('{') {
        format!("{what}:{name}")
    } else {
        format!("{what}:{{{name}}}")
    }
}

/// Redis takes whole milliseconds, and a lease of 0 would end the lock at once.
fn millis(lease: Duration) -> u64 {
    u64::try_from(lease.as_millis())
        .unwrap_or(u64::MAX)
        .clamp(1, LONGEST_MS)
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Held; with the token when one was asked for.
    Held(Option<i64>),
    /// Somebody else has it for so many ms; negative when that has no end.
    Taken(i64),
    /// To be re-entered, but it was lost meanwhile.
    Lost,
}

/// Takes the lock (`count` 1), or re-enters it with that many holds.
pub async fn acquire(
    redis: &mut ConnectionManager,
    name: &str,
    field: &str,
    lease: Duration,
    count: u32,
    fenced: bool,
) -> RedisResult<Attempt> {
    let mut call = ACQUIRE.key(name);
    if fenced {
        call.key(token_key_of(name));
    }
    call.arg(millis(lease)).arg(field).arg(count);
    let (what, number): (i64, i64) = call.invoke_async(redis).await?;
    Ok(match what {
        1 => Attempt::Held(fenced.then_some(number)),
        0 => Attempt::Taken(number),
        _ => Attempt::Lost,
    })
}

/// Leaves `count` holds, none of them freeing the lock; `false` when it was not this holder's any more.
pub async fn unlock(
    redis: &mut ConnectionManager,
    name: &str,
    field: &str,
    lease: Duration,
    count: u32,
) -> RedisResult<bool> {
    let answer: Option<i64> = UNLOCK
        .key(name)
        .key(channel_of(name))
        .arg(UNLOCKED)
        .arg(millis(lease))
        .arg(field)
        .arg(count)
        .invoke_async(redis)
        .await?;
    Ok(answer.is_some())
}

/// Whether the lock is this holder's, with a new lease; a longer one is only cut short when `exactly`.
pub async fn renew(
    redis: &mut ConnectionManager,
    name: &str,
    field: &str,
    lease: Duration,
    exactly: bool,
) -> RedisResult<bool> {
    let answer: i64 = RENEW
        .key(name)
        .arg(millis(lease))
        .arg(field)
        .arg(i32::from(exactly))
        .invoke_async(redis)
        .await?;
    Ok(answer == 1)
}

/// Frees the lock whoever holds it; `false` when nobody did.
pub async fn force_unlock(redis: &mut ConnectionManager, name: &str) -> RedisResult<bool> {
    let answer: i64 = FORCE
        .key(name)
        .key(channel_of(name))
        .arg(UNLOCKED)
        .invoke_async(redis)
        .await?;
    Ok(answer == 1)
}

/// `None`: free. A negative number: held without an end.
pub async fn remaining(redis: &mut ConnectionManager, name: &str) -> RedisResult<Option<i64>> {
    let ttl: i64 = redis.pttl(name).await?;
    Ok((ttl != -2).then_some(ttl))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_and_the_token_share_the_hash_slot_of_the_name() {
        assert_eq!(channel_of("LOCK:42"), "redisson_lock__channel:{LOCK:42}");
        assert_eq!(
            channel_of("{p:42}:lock"),
            "redisson_lock__channel:{p:42}:lock"
        );
        assert_eq!(token_key_of("FEN:1"), "redisson_lock_token:{FEN:1}");
    }

    #[test]
    fn a_lease_is_at_least_a_millisecond() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_secs(3)), 3000);
        assert_eq!(millis(Duration::MAX), LONGEST_MS);
    }
}
