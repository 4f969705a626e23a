//! Holders that are processes of their own: stopped past their lease, and killed.
//!
//! The holder is this test program, started again with only [`holder_process`] and told by the environment what to do.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mall_testkit::unix::{Signal, signal, tie_to_parent};
use redis::AsyncCommands;

use crate::support::{LONG, Redis, WAIT, fenced_append, token_append};

const URL: &str = "MALL_LOCK_TEST_URL";
const NAME: &str = "MALL_LOCK_TEST_NAME";
/// Milliseconds of the lease; negative: of the watchdog's.
const LEASE: &str = "MALL_LOCK_TEST_LEASE";

struct Holder(Child);

impl Holder {
    async fn start(name: &str, lease: i64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["processes::holder_process", "--exact", "--test-threads=1"])
            .env(URL, mall_testkit::redis_url().await)
            .env(NAME, name)
            .env(LEASE, lease.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        tie_to_parent(&mut command);
        Self(command.spawn().unwrap())
    }

    fn signal(&self, what: Signal) {
        signal(self.0.id(), what).unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Takes the lock, says so, waits for a word, then tries to change what the lock guards.
#[tokio::test]
async fn holder_process() {
    let (Ok(url), Ok(name), Ok(lease)) = (
        std::env::var(URL),
        std::env::var(NAME),
        std::env::var(LEASE),
    ) else {
        return;
    };
    let redis = Redis::at(&url).await;
    let lease: i64 = lease.parse().unwrap();
    let span = Duration::from_millis(lease.unsigned_abs());
    let locks = redis.process().with_watchdog(span);
    let mut request = locks.request(&name).wait(WAIT).fenced();
    if lease > 0 {
        request = request.lease(span);
    }
    let guard = request.acquire().await.unwrap();
    say(&redis, &name, guard.holder()).await;
    // Asked again and again: a stopped process must not find its connection closed under a blocking command.
    while !redis
        .commands
        .clone()
        .exists::<_, bool>(format!("{name}:go"))
        .await
        .unwrap()
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let list = format!("{name}:list");
    let by_holder = fenced_append(&redis, &guard, &list, "late").await;
    let by_token = token_append(&redis, guard.token().unwrap(), &list, "late").await;
    let lost = guard.is_lost();
    let released = guard.release().await.unwrap();
    say(
        &redis,
        &name,
        &format!("{by_holder} {by_token} {lost} {released}"),
    )
    .await;
}

async fn say(redis: &Redis, name: &str, what: &str) {
    let said: i64 = redis
        .commands
        .clone()
        .rpush(format!("{name}:says"), what)
        .await
        .unwrap();
    assert!(said > 0);
}

async fn hear(redis: &Redis, name: &str) -> String {
    let said = mall_testkit::eventually(Duration::from_secs(30), || async {
        redis
            .commands
            .clone()
            .lpop::<_, Option<String>>(format!("{name}:says"), None)
            .await
            .unwrap()
            .ok_or("nothing said")
    });
    said.await
}

#[tokio::test]
async fn a_holder_stopped_past_its_lease_changes_nothing_afterwards() {
    let redis = Redis::open().await;
    for lease in [1000, -1500] {
        let name = Redis::name("stopped");
        let holder = Holder::start(&name, lease).await;
        let field = hear(&redis, &name).await;
        assert_eq!(redis.fields(&name).await, [(field.clone(), 1)]);
        holder.signal(Signal::Pause);

        let guard = redis
            .process()
            .request(&name)
            .wait(LONG)
            .lease(LONG)
            .fenced()
            .acquire();
        let guard = guard.await.unwrap();
        let list = format!("{name}:list");
        assert!(fenced_append(&redis, &guard, &list, "first").await);
        assert!(token_append(&redis, guard.token().unwrap(), &list, "second").await);
        let _: () = redis
            .commands
            .clone()
            .set(format!("{name}:go"), 1)
            .await
            .unwrap();
        holder.signal(Signal::Resume);

        assert_eq!(hear(&redis, &name).await, "false false true false");
        let list: Vec<String> = redis.commands.clone().lrange(&list, 0, -1).await.unwrap();
        assert_eq!(list, ["first", "second"]);
        assert_eq!(redis.fields(&name).await, [(guard.holder().to_owned(), 1)]);
        assert!(guard.release().await.unwrap());
    }
}

#[tokio::test]
async fn the_watchdog_dies_with_its_process_and_the_lock_soon_after() {
    let redis = Redis::open().await;
    let name = Redis::name("killed");
    let lease = Duration::from_secs(2);
    let holder = Holder::start(&name, -2000).await;
    let field = hear(&redis, &name).await;
    let outlived = tokio::time::Instant::now() + lease + lease / 2;
    while tokio::time::Instant::now() < outlived {
        assert_eq!(redis.fields(&name).await, [(field.clone(), 1)]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    holder.signal(Signal::Kill);
    let guard = redis.process().acquire(&name, LONG, LONG).await.unwrap();
    assert_ne!(guard.holder(), field);
    assert!(guard.release().await.unwrap());
}
