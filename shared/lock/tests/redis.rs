//! The lock against a real Redis. What Redisson 3.18.0, 3.52.0 and 4.7.0 were seen to do on the wire is repeated here as
//! the other side: its key layout, its channel, its message, its answers.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mall_lock::{LockError, Locks, channel_of};
use redis::AsyncCommands;
use redis::aio::ConnectionManager;

const WAIT: Duration = Duration::from_secs(5);
const LEASE: Duration = Duration::from_secs(3);

struct Redis {
    client: redis::Client,
    commands: ConnectionManager,
}

impl Redis {
    async fn open() -> Self {
        let client = redis::Client::open(mall_testkit::redis_url().await).unwrap();
        let commands = ConnectionManager::new(client.clone()).await.unwrap();
        Self { client, commands }
    }

    /// The locks of one more process.
    fn process(&self) -> Locks {
        Locks::new(self.client.clone(), self.commands.clone())
    }

    /// Every test has a name of its own: they share the server.
    fn name(what: &str) -> String {
        format!("LOCK:{what}:{}", uuid::Uuid::new_v4())
    }

    async fn fields(&self, name: &str) -> Vec<(String, i64)> {
        self.commands.clone().hgetall(name).await.unwrap()
    }

    async fn subscribers(&self, name: &str) -> i64 {
        let (_, count): (String, i64) = redis::cmd("PUBSUB")
            .arg("NUMSUB")
            .arg(channel_of(name))
            .query_async(&mut self.commands.clone())
            .await
            .unwrap();
        count
    }

    async fn until_subscribers(&self, name: &str, wanted: i64) {
        let deadline = Instant::now() + Duration::from_secs(5);
        while self.subscribers(name).await != wanted {
            assert!(
                Instant::now() < deadline,
                "subscribers never became {wanted}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn the_key_looks_as_redissons_and_is_gone_after_release() {
    let redis = Redis::open().await;
    let (locks, name) = (redis.process(), Redis::name("layout"));
    let guard = locks.acquire(&name, WAIT, LEASE).await.unwrap();

    let kind: String = redis::cmd("TYPE")
        .arg(&name)
        .query_async(&mut redis.commands.clone())
        .await
        .unwrap();
    assert_eq!(kind, "hash");
    assert_eq!(redis.fields(&name).await, [(guard.holder().to_owned(), 1)]);
    let (process, number) = guard.holder().split_once(':').unwrap();
    assert!(
        uuid::Uuid::parse_str(process).is_ok() && number.parse::<u64>().is_ok(),
        "<uuid>:<number>"
    );
    let ttl: i64 = redis.commands.clone().pttl(&name).await.unwrap();
    assert!((2000..=3000).contains(&ttl), "lease of 3 s, PTTL {ttl}");

    assert!(guard.release().await.unwrap());
    let exists: bool = redis.commands.clone().exists(&name).await.unwrap();
    assert!(!exists);
}

#[tokio::test]
async fn a_release_publishes_redissons_message_on_its_channel() {
    let redis = Redis::open().await;
    let (locks, name) = (redis.process(), Redis::name("publish"));
    let mut ear = redis.client.get_async_pubsub().await.unwrap();
    ear.subscribe(format!("redisson_lock__channel:{{{name}}}"))
        .await
        .unwrap();
    let guard = locks.acquire(&name, WAIT, LEASE).await.unwrap();
    guard.release().await.unwrap();
    let message = tokio::time::timeout(WAIT, futures_util::StreamExt::next(&mut ear.on_message()))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(message.get_payload::<String>().unwrap(), "0");
}

#[tokio::test]
async fn never_two_inside() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("exclusion"));
    let inside = Arc::new(AtomicUsize::new(0));
    let sections = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..40 {
        let locks = if task % 2 == 0 { a.clone() } else { b.clone() };
        let (name, inside, sections) = (name.clone(), Arc::clone(&inside), Arc::clone(&sections));
        tasks.spawn(async move {
            for _ in 0..5 {
                let guard = locks
                    .acquire(&name, Duration::from_secs(30), LEASE)
                    .await
                    .unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two inside");
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                sections.fetch_add(1, Ordering::SeqCst);
                assert!(guard.release().await.unwrap());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(sections.load(Ordering::SeqCst), 200);
    redis.until_subscribers(&name, 0).await;
    assert_eq!((a.waiting(), b.waiting()), (0, 0), "no waiter stays behind");
}

#[tokio::test]
async fn a_waiter_is_woken_by_the_release_and_not_by_the_end_of_the_lease() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("wake"));
    let guard = a
        .acquire(&name, WAIT, Duration::from_secs(60))
        .await
        .unwrap();
    let waiter = tokio::spawn({
        let name = name.clone();
        async move { b.acquire(&name, Duration::from_secs(20), LEASE).await }
    });
    redis.until_subscribers(&name, 1).await;
    let released = Instant::now();
    guard.release().await.unwrap();
    let guard = waiter.await.unwrap().unwrap();
    assert!(
        released.elapsed() < Duration::from_secs(2),
        "woken after {:?}",
        released.elapsed()
    );
    assert!(guard.release().await.unwrap());
}

#[tokio::test]
async fn local_waiters_share_one_subscription() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("shared"));
    let guard = a
        .acquire(&name, WAIT, Duration::from_secs(60))
        .await
        .unwrap();
    let waiters: Vec<_> = (0..10)
        .map(|_| {
            let (locks, name) = (b.clone(), name.clone());
            tokio::spawn(async move {
                let guard = locks
                    .acquire(&name, Duration::from_secs(20), LEASE)
                    .await
                    .unwrap();
                guard.release().await.unwrap()
            })
        })
        .collect();
    redis.until_subscribers(&name, 1).await;
    guard.release().await.unwrap();
    for waiter in waiters {
        assert!(
            waiter.await.unwrap(),
            "each waiter had it, one after the other"
        );
    }
    redis.until_subscribers(&name, 0).await;
}

#[tokio::test]
async fn the_wait_is_limited_and_leaves_nothing_behind() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("limit"));
    let guard = a
        .acquire(&name, WAIT, Duration::from_secs(60))
        .await
        .unwrap();
    let began = Instant::now();
    let refused = b.acquire(&name, Duration::from_millis(300), LEASE).await;
    assert!(matches!(refused, Err(LockError::Timeout)));
    assert!(began.elapsed() >= Duration::from_millis(300));
    let refused = b.acquire(&name, Duration::ZERO, LEASE).await;
    assert!(matches!(refused, Err(LockError::Timeout)));
    redis.until_subscribers(&name, 0).await;
    assert!(guard.release().await.unwrap(), "the holder kept it");
}

#[tokio::test]
async fn a_lease_that_runs_out_frees_the_lock_and_the_late_release_changes_nothing() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("lease"));
    let late = a
        .acquire(&name, WAIT, Duration::from_millis(200))
        .await
        .unwrap();
    let held = b
        .acquire(&name, WAIT, Duration::from_secs(30))
        .await
        .unwrap();
    assert!(
        late.remaining().is_zero(),
        "the late holder can tell by its own clock"
    );
    assert!(!late.release().await.unwrap(), "the late release says so");
    assert_eq!(
        redis.fields(&name).await,
        [(held.holder().to_owned(), 1)],
        "and the new holder still has it"
    );
    assert!(held.release().await.unwrap());
}

#[tokio::test]
async fn a_renewed_lease_lasts_and_a_lost_one_is_not_renewed() {
    let redis = Redis::open().await;
    let (locks, name) = (redis.process(), Redis::name("renew"));
    let mut guard = locks
        .acquire(&name, WAIT, Duration::from_millis(500))
        .await
        .unwrap();
    assert!(guard.renew(Duration::from_secs(30)).await.unwrap());
    assert!(guard.remaining() > Duration::from_secs(20));
    let ttl: i64 = redis.commands.clone().pttl(&name).await.unwrap();
    assert!(ttl > 20_000);
    let _: i64 = redis.commands.clone().del(&name).await.unwrap();
    assert!(!guard.renew(LEASE).await.unwrap());
    assert!(!guard.release().await.unwrap());
}

#[tokio::test]
async fn dropped_guards_and_dropped_waiters_leave_the_lock_free() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("dropped"));
    let guard = a
        .acquire(&name, WAIT, Duration::from_secs(60))
        .await
        .unwrap();
    // Waiters that give up at every possible moment, also while an attempt is under way.
    for micros in (0..3000).step_by(100) {
        let attempt = b.acquire(&name, WAIT, Duration::from_secs(60));
        let _ = tokio::time::timeout(Duration::from_micros(micros), attempt).await;
    }
    drop(guard);
    for micros in (0..3000).step_by(100) {
        let attempt = b.acquire(&name, WAIT, Duration::from_secs(60));
        let _ = tokio::time::timeout(Duration::from_micros(micros), attempt).await;
    }
    let last = b
        .acquire(&name, WAIT, LEASE)
        .await
        .expect("nobody may hold it any more");
    assert!(last.release().await.unwrap());
    redis.until_subscribers(&name, 0).await;
}

#[tokio::test]
async fn redisson_and_ours_exclude_and_wake_each_other() {
    let redis = Redis::open().await;
    let (ours, name) = (redis.process(), Redis::name("interop"));
    let java = format!("{}:53", uuid::Uuid::new_v4());

    // Redisson holds it, entered twice and without an end: we are told to wait, and have it after its second unlock.
    let _: i64 = redis.commands.clone().hincr(&name, &java, 2).await.unwrap();
    assert!(matches!(
        ours.acquire(&name, Duration::from_millis(100), LEASE).await,
        Err(LockError::Timeout)
    ));
    let waiter = tokio::spawn({
        let (ours, name) = (ours.clone(), name.clone());
        async move { ours.acquire(&name, WAIT, LEASE).await }
    });
    redis.until_subscribers(&name, 1).await;
    let _: () = redis::pipe()
        .atomic()
        .del(&name)
        .publish(format!("redisson_lock__channel:{{{name}}}"), "0")
        .query_async(&mut redis.commands.clone())
        .await
        .unwrap();
    let guard = waiter.await.unwrap().unwrap();

    // We hold it: Redisson's acquire sees a hash without its own field and a time to wait.
    let mine: bool = redis.commands.clone().hexists(&name, &java).await.unwrap();
    let ttl: i64 = redis.commands.clone().pttl(&name).await.unwrap();
    assert!(!mine && ttl > 0);

    // forceUnlock by Redisson: our release says that the lock was not ours any more.
    let _: i64 = redis.commands.clone().del(&name).await.unwrap();
    assert!(!guard.release().await.unwrap());
}

#[tokio::test]
async fn a_key_of_another_kind_is_an_error_at_once() {
    let redis = Redis::open().await;
    let (locks, name) = (redis.process(), Redis::name("wrongtype"));
    let _: () = redis.commands.clone().set(&name, "x").await.unwrap();
    let began = Instant::now();
    assert!(matches!(
        locks.acquire(&name, WAIT, LEASE).await,
        Err(LockError::Redis(_))
    ));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_lost_subscription_is_made_again() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("resubscribe"));
    let guard = a
        .acquire(&name, WAIT, Duration::from_secs(60))
        .await
        .unwrap();
    let waiter = tokio::spawn({
        let name = name.clone();
        async move { b.acquire(&name, Duration::from_secs(20), LEASE).await }
    });
    redis.until_subscribers(&name, 1).await;
    // What a restart of Redis looks like from here: every subscription connection is cut.
    let _: i64 = redis::cmd("CLIENT")
        .arg("KILL")
        .arg("TYPE")
        .arg("pubsub")
        .query_async(&mut redis.commands.clone())
        .await
        .unwrap();
    redis.until_subscribers(&name, 1).await;
    let released = Instant::now();
    guard.release().await.unwrap();
    assert!(waiter.await.unwrap().unwrap().release().await.unwrap());
    assert!(released.elapsed() < Duration::from_secs(2));
}
