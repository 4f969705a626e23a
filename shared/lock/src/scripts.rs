//! The three scripts, in our own words but to Redisson's effect, and the names that both use.

use std::sync::LazyLock;
use std::time::Duration;

use redis::aio::ConnectionManager;
use redis::{RedisResult, Script};

/// Free, or already this holder's: take it and start the lease (nil). Else the milliseconds that the other one has left.
static ACQUIRE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1 then
            redis.call('HINCRBY', KEYS[1], ARGV[2], 1)
            redis.call('PEXPIRE', KEYS[1], ARGV[1])
            return nil
        end
        return redis.call('PTTL', KEYS[1])
        ",
    )
});

/// nil: not this holder's. 0: held once less. 1: free now, and the waiters are told.
static UNLOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('HEXISTS', KEYS[1], ARGV[3]) == 0 then
            return nil
        end
        if redis.call('HINCRBY', KEYS[1], ARGV[3], -1) > 0 then
            redis.call('PEXPIRE', KEYS[1], ARGV[2])
            return 0
        end
        redis.call('DEL', KEYS[1])
        redis.call('PUBLISH', KEYS[2], ARGV[1])
        return 1
        ",
    )
});

/// 1: the lease starts anew. 0: not this holder's.
static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1 then
            redis.call('PEXPIRE', KEYS[1], ARGV[1])
            return 1
        end
        return 0
        ",
    )
});

/// What a release publishes; Redisson's unlock message.
const UNLOCKED: &str = "0";

/// The channel on which the release of `name` is announced: Redisson's, which keeps it in the name's hash slot.
#[must_use]
pub fn channel_of(name: &str) -> String {
    if name.contains('{') {
        format!("redisson_lock__channel:{name}")
    } else {
        format!("redisson_lock__channel:{{{name}}}")
    }
}

/// Redis takes whole milliseconds, and a lease of 0 would end the lock at once.
fn millis(lease: Duration) -> u64 {
    u64::try_from(lease.as_millis())
        .unwrap_or(u64::MAX)
        .clamp(1, i64::MAX as u64)
}

/// `None`: taken. `Some(ms)`: somebody else has it for that long; negative when it has no end.
pub async fn acquire(
    redis: &mut ConnectionManager,
    name: &str,
    lease: Duration,
    holder: &str,
) -> RedisResult<Option<i64>> {
    ACQUIRE
        .key(name)
        .arg(millis(lease))
        .arg(holder)
        .invoke_async(redis)
        .await
}

/// Whether the lock was this holder's. Every holder here holds once, so it is free afterwards.
pub async fn unlock(
    redis: &mut ConnectionManager,
    name: &str,
    lease: Duration,
    holder: &str,
) -> RedisResult<bool> {
    let answer: Option<i64> = UNLOCK
        .key(name)
        .key(channel_of(name))
        .arg(UNLOCKED)
        .arg(millis(lease))
        .arg(holder)
        .invoke_async(redis)
        .await?;
    Ok(answer.is_some())
}

/// Whether the lock is this holder's, with a new lease.
pub async fn renew(
    redis: &mut ConnectionManager,
    name: &str,
    lease: Duration,
    holder: &str,
) -> RedisResult<bool> {
    let answer: i64 = RENEW
        .key(name)
        .arg(millis(lease))
        .arg(holder)
        .invoke_async(redis)
        .await?;
    Ok(answer == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_shares_the_hash_slot_of_the_name() {
        assert_eq!(channel_of("LOCK:42"), "redisson_lock__channel:{LOCK:42}");
        assert_eq!(
            channel_of("{p:42}:lock"),
            "redisson_lock__channel:{p:42}:lock"
        );
    }

    #[test]
    fn a_lease_is_at_least_a_millisecond() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_secs(3)), 3000);
        assert_eq!(millis(Duration::MAX), i64::MAX as u64);
    }
}
