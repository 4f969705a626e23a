//! Keys of verification mails. Redis holds only their hashes: whoever reads it can't verify an address.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use mall_types::UserId;
use redis::Script;
use redis::aio::ConnectionManager;
use sha2::{Digest, Sha256};

use super::redis_keys::{self as keys, StoreError, bounded};

/// Issues and takes verification keys. Cheap to clone.
#[derive(Clone)]
pub struct VerificationKeys {
    redis: ConnectionManager,
    life: Duration,
}

/// A key that was taken and can be put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Whom it verifies.
    pub user: UserId,
    hash: String,
    left_ms: i64,
}

const TAKE: &str = r"
local user = redis.call('GET', KEYS[1])
if not user then return {'', 0} end
local left = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
return {user, left}
";

impl VerificationKeys {
    /// Keys are good for `life` from their issue.
    pub fn new(redis: ConnectionManager, life: Duration) -> Self {
        Self { redis, life }
    }

    /// A new key of 256 bits; the user's earlier one is good no longer.
    pub async fn issue(&self, user: UserId) -> Result<String, StoreError> {
        let key = B64.encode(rand::random::<[u8; 32]>());
        let (hash, life) = (hash(&key), self.life.as_millis() as u64);
        let mut redis = self.redis.clone();
        let mut set = redis::cmd("SET");
        set.arg(keys::verification(&hash))
            .arg(user.0)
            .arg("PX")
            .arg(life);
        bounded(set.query_async::<()>(&mut redis)).await?;
        let mut swap = redis::cmd("SET");
        swap.arg(keys::verification_of(user))
            .arg(&hash)
            .arg("PX")
            .arg(life)
            .arg("GET");
        let earlier: Option<String> = bounded(swap.query_async(&mut redis)).await?;
        if let Some(earlier) = earlier {
            let mut delete = redis::cmd("DEL");
            delete.arg(keys::verification(&earlier));
            bounded(delete.query_async::<()>(&mut redis)).await?;
        }
        Ok(key)
    }

    /// Uses up a key; `None` when it is unknown, used, replaced by a newer one, or expired.
    pub async fn take(&self, key: &str) -> Result<Option<Taken>, StoreError> {
        let hash = hash(key);
        let mut redis = self.redis.clone();
        let script = Script::new(TAKE);
        let call = script.key(keys::verification(&hash));
        let (user, left_ms): (String, i64) = bounded(call.invoke_async(&mut redis)).await?;
        Ok(user.parse().ok().map(|user| Taken {
            user,
            hash,
            left_ms,
        }))
    }

    /// Makes a taken key good again for the rest of its life, when what it was taken for failed.
    pub async fn put_back(&self, taken: &Taken) -> Result<(), StoreError> {
        if taken.left_ms < 1 {
            return Ok(());
        }
        let mut redis = self.redis.clone();
        let mut set = redis::cmd("SET");
        set.arg(keys::verification(&taken.hash))
            .arg(taken.user.0)
            .arg("PX")
            .arg(taken.left_ms);
        bounded(set.query_async::<()>(&mut redis)).await
    }
}

fn hash(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_does_not_show_the_key() {
        assert_eq!(
            hash("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
