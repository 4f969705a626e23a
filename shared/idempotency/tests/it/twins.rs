//! The same request at the same time.

use std::time::Duration;

use axum::response::Response;
use futures_util::future::join_all;
use mall_idempotency::KeySettings;
use mall_testkit::eventually;
use tokio::task::JoinHandle;
use tower::ServiceExt;

use crate::support::{Act, World, clock, post, reply, schema, settings};

fn spawn(world: &World, key: &str) -> JoinHandle<Response> {
    let (app, request) = (world.app.clone(), post(7, key, "{}"));
    tokio::spawn(async move { app.oneshot(request).await.unwrap() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_twins_have_one_effect_and_one_answer() {
    let schema = schema().await;
    for (act, wait) in [
        (Act::Record, Duration::ZERO),
        (Act::ByEffect, Duration::ZERO),
        (Act::Record, Duration::from_secs(30)),
        (Act::ByEffect, Duration::from_secs(30)),
    ] {
        let settings = KeySettings { wait, ..settings() };
        let world = World::over(&schema.url, clock(), settings);
        world.will([act]);
        let before = world.things().await;
        let key = format!("{act:?}-{wait:?}");
        let twins = join_all((0..50).map(|_| spawn(&world, &key))).await;
        let mut answers = Vec::new();
        for twin in twins {
            let reply = reply(twin.unwrap()).await;
            if reply.status == 409 && wait.is_zero() {
                assert_eq!(reply.code().1, "REQUEST_IN_PROGRESS");
                assert_eq!(reply.headers["retry-after"], "1");
            } else {
                answers.push((reply.made(), reply.replayed()));
            }
        }
        let firsts = answers.iter().filter(|(_, replayed)| !replayed).count();
        assert_eq!(firsts, 1, "{key}");
        assert!(answers.iter().all(|(id, _)| *id == answers[0].0), "{key}");
        assert_eq!(world.things().await, before + 1, "{key}");
        assert_eq!(world.runs().len(), 1, "{key}");
        if !wait.is_zero() {
            assert_eq!(answers.len(), 50, "{key}");
        }
    }
}

#[tokio::test]
async fn a_twin_of_a_running_request_is_409_and_then_replayed() {
    let (mut world, _schema) = World::start().await;
    world.lab.before.forget_permits(usize::MAX >> 3);
    let running = spawn(&world, "k");
    assert_eq!(world.signs.recv().await, Some("before"));
    for _ in 0..3 {
        let twin = world.post("k", "{}").await;
        assert_eq!(twin.code(), (409, "REQUEST_IN_PROGRESS".to_owned()));
        assert_eq!(twin.headers["retry-after"], "1");
    }
    world.lab.before.add_permits(1);
    let first = reply(running.await.unwrap()).await;
    assert_eq!(world.post("k", "{}").await.text, first.text);
    assert_eq!(world.things().await, 1);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_the_work() {
    let (mut world, _schema) = World::start().await;
    world.lab.before.forget_permits(usize::MAX >> 3);
    for (number, act) in [Act::Record, Act::ByEffect, Act::Refuse(404)]
        .into_iter()
        .enumerate()
    {
        world.will([act]);
        let key = format!("k{number}");
        let running = spawn(&world, &key);
        assert_eq!(world.signs.recv().await, Some("before"));
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
        world.lab.before.add_permits(1);
        let replayed = eventually(Duration::from_secs(20), || async {
            let reply = world.post(&key, "{}").await;
            if reply.replayed() {
                Ok(reply)
            } else {
                Err(reply)
            }
        })
        .await;
        let expected = if matches!(act, Act::Refuse(_)) {
            404
        } else {
            200
        };
        assert_eq!(replayed.status, expected);
        while world.signs.try_recv().is_ok() {}
    }
    assert_eq!(world.things().await, 2);
    assert_eq!(world.runs().len(), 3);
}
