//! A process that dies, or is paused, in the middle.

use std::sync::Arc;

use chrono::TimeDelta;
use mall_clock::MockClock;
use tower::ServiceExt;

use crate::support::{Act, World, clock, post, reply, schema, settings};

/// Another process of the service, which comes as far as the sign `last` with one request and is then gone with all its
/// tasks.
async fn dies_at(url: &str, clock: &Arc<MockClock>, act: Act, last: &'static str) {
    let (url, clock) = (url.to_owned(), Arc::clone(clock));
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let mut world = World::over(&url, clock, settings());
            world.will([act]);
            let gate = if last == "before" {
                &world.lab.before
            } else {
                &world.lab.after
            };
            gate.forget_permits(usize::MAX >> 3);
            tokio::spawn(world.app.clone().oneshot(post(7, "k", "{}")));
            while world.signs.recv().await.unwrap() != last {}
        });
        // Every task is dropped where it stands.
        runtime.shutdown_background();
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_answer_in_the_handlers_transaction_leaves_no_window() {
    let (schema, clock) = (schema().await, clock());
    dies_at(&schema.url, &clock, Act::Record, "after").await;
    let world = World::over(&schema.url, clock, settings());
    assert_eq!(world.things().await, 1);
    // At once, no lease has to end.
    let reply = world.post("k", "{}").await;
    assert_eq!(reply.made(), 1);
    assert!(reply.replayed());
    assert!(world.runs().is_empty());
    assert_eq!(world.things().await, 1);
}

#[tokio::test]
async fn a_crash_after_the_effect_is_found_by_the_effect() {
    let (schema, clock) = (schema().await, clock());
    dies_at(&schema.url, &clock, Act::ByEffect, "after").await;
    let world = World::over(&schema.url, Arc::clone(&clock), settings());
    world.will([Act::ByEffect]);
    assert_eq!(world.things().await, 1);
    assert_eq!(world.post("k", "{}").await.code().0, 409);
    clock.advance(TimeDelta::seconds(29));
    assert_eq!(world.post("k", "{}").await.code().0, 409);
    clock.advance(TimeDelta::seconds(1));
    let reply = world.post("k", "{}").await;
    assert_eq!(reply.made(), 1);
    assert_eq!(world.runs().len(), 1);
    assert!(world.runs()[0].1, "it is a repeat");
    assert_eq!(world.things().await, 1);
    assert!(world.post("k", "{}").await.replayed());
}

#[tokio::test]
async fn a_crash_before_the_effect_lets_the_next_attempt_do_it() {
    for act in [Act::Record, Act::ByEffect] {
        let (schema, clock) = (schema().await, clock());
        dies_at(&schema.url, &clock, act, "before").await;
        let world = World::over(&schema.url, Arc::clone(&clock), settings());
        world.will([act]);
        assert_eq!(world.post("k", "{}").await.code().0, 409);
        clock.advance(TimeDelta::seconds(30));
        assert_eq!(world.post("k", "{}").await.made(), 1);
        assert!(world.post("k", "{}").await.replayed());
        assert_eq!(world.things().await, 1);
    }
}

#[tokio::test]
async fn one_that_was_paused_past_its_lease_changes_nothing_any_more() {
    let (mut world, schema) = World::start().await;
    world.lab.before.forget_permits(usize::MAX >> 3);
    let (app, request) = (world.app.clone(), post(7, "k", "{}"));
    let paused = tokio::spawn(async move { app.oneshot(request).await.unwrap() });
    assert_eq!(world.signs.recv().await, Some("before"));
    world.clock.advance(TimeDelta::seconds(31));
    // The second attempt has a gate of its own, which is open.
    let other = World::over(&schema.url, Arc::clone(&world.clock), settings());
    let second = other.post("k", "{}").await;
    assert_eq!(second.made(), 1);
    assert!(other.runs()[0].1);
    world.lab.before.add_permits(1);
    let first = reply(paused.await.unwrap()).await;
    assert_eq!(first.code(), (503, "DATABASE_UNAVAILABLE".to_owned()));
    assert_eq!(world.things().await, 1);
    assert_eq!(world.post("k", "{}").await.made(), 1);
}

#[tokio::test]
async fn only_one_of_many_takes_a_dead_ones_key() {
    let (schema, clock) = (schema().await, clock());
    dies_at(&schema.url, &clock, Act::ByEffect, "after").await;
    clock.advance(TimeDelta::seconds(30));
    let world = World::over(&schema.url, clock, settings());
    world.will([Act::ByEffect]);
    let all = futures_util::future::join_all((0..20).map(|_| world.post("k", "{}"))).await;
    assert_eq!(world.runs().len(), 1);
    assert_eq!(world.things().await, 1);
    for reply in all {
        assert!(reply.status == 409 || reply.made() == 1);
    }
}
