//! Waiting through a restart of Redis.

use std::time::Duration;

use mall_testkit::Scratch;
use mall_testkit::redis_server::RedisSettings;

use crate::support::{LONG, Redis};

#[tokio::test]
async fn a_waiter_outlives_a_restart_and_is_woken_by_the_release_after_it() {
    for emptied in [false, true] {
        let scratch = Scratch::new("lock-restart").unwrap();
        let settings = RedisSettings {
            throwaway: emptied,
            ..RedisSettings::new(scratch.path())
        };
        let server =
            tokio::task::spawn_blocking(move || mall_testkit::Redis::start_with(&settings));
        let server = server.await.unwrap().unwrap();
        let redis = Redis::at(&server.url()).await;
        let (a, b, name) = (redis.process(), redis.process(), Redis::name("restart"));
        let guard = a.acquire(&name, LONG, LONG).await.unwrap();
        let waiter = tokio::spawn({
            let (b, name) = (b.clone(), name.clone());
            async move { b.acquire(&name, LONG, LONG).await }
        });
        redis.until_subscribers(&name, 1).await;

        let again = server.clone();
        tokio::task::spawn_blocking(move || {
            again.server().stop();
            again.server().start().unwrap();
            again
                .server()
                .wait_ready(Duration::from_secs(30), &|| false)
                .unwrap();
        })
        .await
        .unwrap();
        if emptied {
            // Nothing is held any more: the waiter has it without a message, and the old holder learns of it.
            let taken = waiter.await.unwrap().unwrap();
            assert!(!guard.release().await.unwrap());
            assert!(taken.release().await.unwrap());
        } else {
            redis.until_subscribers(&name, 1).await;
            assert!(guard.release().await.unwrap(), "the lock was kept");
            assert!(waiter.await.unwrap().unwrap().release().await.unwrap());
        }
        redis.until_subscribers(&name, 0).await;
        server.stop();
    }
}
