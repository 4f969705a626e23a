//! Owners, re-entry, tokens, and acquisitions that are dropped at every point.

use std::time::Duration;

use mall_lock::{LockError, token_key_of};
use redis::AsyncCommands;

use crate::support::{LONG, Redis, WAIT};

#[tokio::test]
async fn an_owner_enters_again_and_lets_go_as_often() {
    let redis = Redis::open().await;
    let (locks, name) = (redis.process(), Redis::name("reenter"));
    let owner = locks.owner();
    let outer = owner.acquire(&name, WAIT, LONG).await.unwrap();
    let inner = owner
        .acquire(&name, Duration::ZERO, Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(outer.holder(), inner.holder());
    assert_eq!(redis.fields(&name).await, [(outer.holder().to_owned(), 2)]);
    let left = locks.remaining(&name).await.unwrap().unwrap();
    assert!(
        left > Duration::from_secs(40),
        "the inner lease shortens nothing: {left:?}"
    );
    let other = locks.acquire(&name, Duration::ZERO, LONG).await;
    assert!(
        matches!(other, Err(LockError::Timeout)),
        "another owner is another, in one process too"
    );
    assert!(inner.release().await.unwrap());
    assert_eq!(redis.fields(&name).await, [(outer.holder().to_owned(), 1)]);
    assert!(outer.release().await.unwrap());
    assert!(!locks.is_locked(&name).await.unwrap());
}

#[tokio::test]
async fn a_hold_that_was_lost_is_not_the_one_taken_after() {
    let redis = Redis::open().await;
    let (locks, name) = (redis.process(), Redis::name("era"));
    let owner = locks.owner();
    let old = owner.acquire(&name, WAIT, LONG).await.unwrap();
    redis.delete(&name).await;
    let new = owner.acquire(&name, WAIT, LONG).await.unwrap();
    assert_ne!(old.holder(), new.holder(), "the old one's fence fails");
    assert!(old.is_lost() && !new.is_lost());
    assert!(!old.release().await.unwrap());
    assert_eq!(redis.fields(&name).await, [(new.holder().to_owned(), 1)]);
    assert!(new.release().await.unwrap());
}

#[tokio::test]
async fn tokens_grow_and_plain_locks_have_none() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("token"));
    let plain = a.acquire(&name, WAIT, LONG).await.unwrap();
    assert_eq!(plain.token(), None);
    plain.release().await.unwrap();
    let counter = token_key_of(&name);
    let exists: bool = redis.commands.clone().exists(&counter).await.unwrap();
    assert!(!exists, "a plain lock leaves no key");
    let mut last = 0;
    for locks in [&a, &b, &a, &b] {
        let owner = locks.owner();
        let outer = owner.request(&name).lease(LONG).fenced().acquire();
        let outer = outer.await.unwrap();
        let inner = owner.request(&name).lease(LONG).fenced().acquire();
        let inner = inner.await.unwrap();
        let (outer_token, inner_token) = (outer.token().unwrap(), inner.token().unwrap());
        assert!(last < outer_token && outer_token < inner_token);
        last = inner_token;
        inner.release().await.unwrap();
        outer.release().await.unwrap();
    }
    let ttl: i64 = redis.commands.clone().pttl(&counter).await.unwrap();
    assert_eq!(ttl, -1, "the counter outlives every lock");
}

#[tokio::test]
async fn force_unlock_frees_and_wakes_and_the_holder_is_told() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("force"));
    assert!(!b.force_unlock(&name).await.unwrap());
    assert_eq!(b.remaining(&name).await.unwrap(), None);
    let guard = a.acquire(&name, WAIT, LONG).await.unwrap();
    let waiter = tokio::spawn({
        let (b, name) = (b.clone(), name.clone());
        async move { b.acquire(&name, WAIT, LONG).await }
    });
    redis.until_subscribers(&name, 1).await;
    assert!(a.force_unlock(&name).await.unwrap());
    let taken = waiter.await.unwrap().unwrap();
    assert!(!guard.release().await.unwrap());
    assert!(taken.release().await.unwrap());
    let endless = a.acquire(&name, WAIT, LONG).await.unwrap();
    let _: bool = redis.commands.clone().persist(&name).await.unwrap();
    assert_eq!(b.remaining(&name).await.unwrap(), Some(Duration::MAX));
    assert!(endless.release().await.unwrap());
}

#[tokio::test]
async fn the_watchdog_keeps_a_lock_and_says_when_it_is_gone() {
    let redis = Redis::open().await;
    let lease = Duration::from_millis(1500);
    let locks = redis.process().with_watchdog(lease);
    let name = Redis::name("watchdog");
    let guard = locks.request(&name).acquire().await.unwrap();
    let outlived = tokio::time::Instant::now() + lease * 2;
    while tokio::time::Instant::now() < outlived {
        assert_eq!(redis.fields(&name).await, [(guard.holder().to_owned(), 1)]);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    redis.delete(&name).await;
    tokio::time::timeout(WAIT, guard.lost()).await.unwrap();
    assert!(guard.is_lost() && guard.remaining().is_zero());
    assert!(!guard.release().await.unwrap());
    // And one that is let go of is renewed no more.
    let guard = locks.request(&name).acquire().await.unwrap();
    assert!(guard.release().await.unwrap());
    assert!(!locks.is_locked(&name).await.unwrap());
}

/// Polls the acquisition a given number of times, and drops it there. `true`: it came to its end before.
async fn polled<F: Future>(future: F, times: usize) -> bool {
    let mut future = Box::pin(future);
    let mut polls = 0;
    futures_util::future::poll_fn(|context| {
        polls += 1;
        match future.as_mut().poll(context) {
            std::task::Poll::Ready(_) => std::task::Poll::Ready(true),
            std::task::Poll::Pending if polls > times => std::task::Poll::Ready(false),
            std::task::Poll::Pending => std::task::Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn an_acquisition_dropped_at_any_point_leaves_nothing_behind() {
    let redis = Redis::open().await;
    let (a, b, name) = (redis.process(), redis.process(), Redis::name("polls"));
    let owner = b.owner();
    // At each of its points of waiting: on a free lock, on one that it holds itself, and on one of another's.
    for times in 0..4 {
        polled(owner.acquire(&name, WAIT, LONG), times).await;
        redis.until_fields(&name, &[]).await;

        let mine = owner.acquire(&name, WAIT, LONG).await.unwrap();
        polled(owner.acquire(&name, WAIT, LONG), times).await;
        redis
            .until_fields(&name, &[(mine.holder().to_owned(), 1)])
            .await;
        assert!(mine.release().await.unwrap());

        let others = a.acquire(&name, WAIT, LONG).await.unwrap();
        assert!(!polled(owner.acquire(&name, WAIT, Duration::from_secs(30)), times).await);
        assert_eq!(b.waiting(), 0, "no waiter stays behind");
        // Dropped while it waits, and the lock comes free in that very moment.
        let waiting = tokio::time::timeout(
            Duration::from_millis(times as u64 * 3),
            owner.acquire(&name, WAIT, LONG),
        );
        let (waited, released) = tokio::join!(waiting, others.release());
        assert!(released.unwrap());
        drop(waited);
        redis.until_fields(&name, &[]).await;
        redis.until_subscribers(&name, 0).await;
    }
}

#[tokio::test]
async fn a_release_that_is_dropped_is_done_all_the_same() {
    let redis = Redis::open().await;
    let (locks, name) = (redis.process(), Redis::name("release"));
    for times in 0..3 {
        let guard = locks.acquire(&name, WAIT, LONG).await.unwrap();
        polled(guard.release(), times).await;
        redis.until_fields(&name, &[]).await;
    }
}
