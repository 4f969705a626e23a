//! What the tests share.

use std::time::{Duration, Instant};

use mall_lock::{Guard, Locks, channel_of};
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, Script};

pub const WAIT: Duration = Duration::from_secs(10);
pub const LONG: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub struct Redis {
    pub client: redis::Client,
    pub commands: ConnectionManager,
}

impl Redis {
    pub async fn open() -> Self {
        Self::at(&mall_testkit::redis_url().await).await
    }

    pub async fn at(url: &str) -> Self {
        let client = redis::Client::open(url).unwrap();
        let commands = ConnectionManager::new(client.clone()).await.unwrap();
        Self { client, commands }
    }

    /// The locks of one more process.
    pub fn process(&self) -> Locks {
        Locks::new(self.client.clone(), self.commands.clone())
    }

    /// Every test has a name of its own: they share the server.
    pub fn name(what: &str) -> String {
        format!("LOCK:{what}:{}", uuid::Uuid::new_v4())
    }

    pub async fn fields(&self, name: &str) -> Vec<(String, i64)> {
        self.commands.clone().hgetall(name).await.unwrap()
    }

    pub async fn delete(&self, name: &str) {
        let _: i64 = self.commands.clone().del(name).await.unwrap();
    }

    pub async fn subscribers(&self, name: &str) -> i64 {
        let mut redis = self.commands.clone();
        let count = redis::cmd("PUBSUB")
            .arg("NUMSUB")
            .arg(channel_of(name))
            .query_async::<(String, i64)>(&mut redis)
            .await;
        // While Redis restarts there is none.
        count.map_or(-1, |(_, count)| count)
    }

    pub async fn until_subscribers(&self, name: &str, wanted: i64) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while self.subscribers(name).await != wanted {
            assert!(Instant::now() < deadline, "never {wanted} subscribers");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn until_fields(&self, name: &str, wanted: &[(String, i64)]) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let fields = self.fields(name).await;
            if fields == wanted {
                return;
            }
            assert!(Instant::now() < deadline, "{fields:?} is not {wanted:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Appends to a list if the lock is still that holder's: a fence inside Redis.
pub async fn fenced_append(redis: &Redis, guard: &Guard, list: &str, value: &str) -> bool {
    let script = Script::new(
        "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
         redis.call('RPUSH', KEYS[2], ARGV[2]) return 1",
    );
    let done: i64 = script
        .key(guard.name())
        .key(list)
        .arg(guard.holder())
        .arg(value)
        .invoke_async(&mut redis.commands.clone())
        .await
        .unwrap();
    done == 1
}

/// Appends unless a greater token was seen: what a fence outside Redis does, in one step.
pub async fn token_append(redis: &Redis, token: i64, list: &str, value: &str) -> bool {
    let script = Script::new(
        "if tonumber(ARGV[1]) < tonumber(redis.call('GET', KEYS[1]) or '0') then return 0 end
         redis.call('SET', KEYS[1], ARGV[1]) redis.call('RPUSH', KEYS[2], ARGV[2]) return 1",
    );
    let done: i64 = script
        .key(format!("{list}:highest"))
        .key(list)
        .arg(token)
        .arg(value)
        .invoke_async(&mut redis.commands.clone())
        .await
        .unwrap();
    done == 1
}
