//! What Redis alone can do.

use std::sync::Arc;
use std::time::Duration;

use mall_lock::Locks;
use redis::aio::MultiplexedConnection;

use super::{SUPPLY, called};
use crate::ground::manager;

const DECREMENT: &str = "local left = tonumber(redis.call('GET', KEYS[1]) or '0') \
     if left < 1 then return -1 end return redis.call('DECR', KEYS[1])";

/// One key, one script, one question per request, all over one connection.
pub async fn lua_decrement(
    client: &redis::Client,
    id: i64,
    phase: Duration,
) -> anyhow::Result<f64> {
    let mut redis: MultiplexedConnection = client.get_multiplexed_async_connection().await?;
    let key = format!("bench:{id}:decrement");
    let _: () = redis::cmd("SET")
        .arg(&key)
        .arg(SUPPLY)
        .arg("EX")
        .arg(600)
        .query_async(&mut redis)
        .await?;
    let script = Arc::new(redis::Script::new(DECREMENT));
    let name = "one key's decrement by script";
    Ok(called(name, phase, move |_| {
        let (mut redis, script, key) = (redis.clone(), Arc::clone(&script), key.clone());
        async move {
            script
                .key(key)
                .invoke_async::<i64>(&mut redis)
                .await
                .is_ok_and(|left| left >= 0)
        }
    })
    .await)
}

/// What the original does for each request: lock, read, write, unlock, each a question of its own to Redis.
pub async fn plain_lock_cycle(
    client: &redis::Client,
    id: i64,
    phase: Duration,
) -> anyhow::Result<f64> {
    let commands = manager(client)?;
    let locks = Locks::new(client.clone(), commands.clone());
    let (name, key) = (format!("bench:{id}:lock"), format!("bench:{id}:plain"));
    let mut redis = commands.clone();
    let _: () = redis::cmd("SET")
        .arg(&key)
        .arg(SUPPLY)
        .arg("EX")
        .arg(600)
        .query_async(&mut redis)
        .await?;
    let title = "a plain lock-get-set-unlock cycle";
    Ok(called(title, phase, move |_| {
        let (locks, mut redis, name, key) =
            (locks.clone(), commands.clone(), name.clone(), key.clone());
        async move {
            let Ok(guard) = locks
                .acquire(&name, Duration::from_secs(5), Duration::from_secs(3))
                .await
            else {
                return false;
            };
            let left: redis::RedisResult<i64> =
                redis::cmd("GET").arg(&key).query_async(&mut redis).await;
            let set: redis::RedisResult<()> = match left {
                Ok(left) => {
                    redis::cmd("SET")
                        .arg(&key)
                        .arg(left - 1)
                        .arg("EX")
                        .arg(600)
                        .query_async(&mut redis)
                        .await
                }
                Err(error) => Err(error),
            };
            guard.release().await.is_ok() && set.is_ok()
        }
    })
    .await)
}
