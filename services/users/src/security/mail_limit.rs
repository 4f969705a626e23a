//! How often a mail to one address may be asked for, whoever asks and from wherever: nobody's inbox is filled through us.

use std::time::Duration;

use redis::Script;
use redis::aio::ConnectionManager;

use super::redis_keys::{self as keys, StoreError, bounded};
use super::sessions::millis;
use super::vault::EmailIndex;

/// Counts, and tells the time until the next one is allowed.
const TAKE: &str = r"
local asked = tonumber(redis.call('GET', KEYS[1]) or '0')
if asked >= tonumber(ARGV[1]) then return math.max(redis.call('PTTL', KEYS[1]), 1) end
if redis.call('INCR', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
";

/// Counts mails by address, whether it has an account or not. Cheap to clone.
#[derive(Clone)]
pub struct MailLimit {
    redis: ConnectionManager,
    most: u32,
    within: Duration,
}

impl MailLimit {
    /// `most` mails `within` that time.
    pub fn new(redis: ConnectionManager, most: u32, within: Duration) -> Self {
        Self {
            redis,
            most,
            within,
        }
    }

    /// Takes one; else tells how long to wait.
    pub async fn take(&self, address: EmailIndex) -> Result<Option<Duration>, StoreError> {
        let mut redis = self.redis.clone();
        let script = Script::new(TAKE);
        let mut call = script.key(keys::mails_to(&address.hex()));
        call.arg(self.most).arg(millis(self.within));
        let wait: u64 = bounded(call.invoke_async(&mut redis)).await?;
        Ok((wait > 0).then(|| Duration::from_millis(wait)))
    }
}
