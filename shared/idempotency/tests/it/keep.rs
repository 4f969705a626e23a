//! What becomes of a key: kept, freed, forgotten, expired.

use chrono::TimeDelta;
use tower::ServiceExt;

use crate::support::{Act, World, post};

#[tokio::test]
async fn a_failure_frees_the_key_and_keeps_the_effect() {
    let (world, _schema) = World::start().await;
    world.will([
        Act::ByEffectThenAway,
        Act::Later(409),
        Act::Refuse(400),
        Act::ByEffect,
    ]);
    let statuses = [503, 409, 400, 200];
    for status in statuses {
        let reply = world.post("k", "{}").await;
        assert_eq!(reply.status, status);
        assert!(!reply.replayed());
    }
    assert!(world.post("k", "{}").await.replayed());
    let runs = world.runs();
    let effect = runs[0].0;
    assert_eq!(
        runs,
        [
            (effect, false),
            (effect, true),
            (effect, true),
            (effect, true)
        ]
    );
    assert_eq!(world.things().await, 1);
}

#[tokio::test]
async fn what_was_refused_at_the_door_leaves_no_key() {
    let (world, _schema) = World::start().await;
    for status in [400, 401, 403, 415, 422, 429] {
        world.will([Act::Refuse(status)]);
        assert_eq!(world.post("k", "wrong").await.status, status);
        assert_eq!(world.rows().await, 0);
    }
    // The corrected request may take the same key.
    assert_eq!(world.post("k", "right").await.made(), 1);
    assert!(world.runs().iter().all(|(_, repeated)| !repeated));
}

#[tokio::test]
async fn a_panic_frees_the_key() {
    let (world, _schema) = World::start().await;
    world.will([Act::Panic, Act::Record]);
    let (app, request) = (world.app.clone(), post(7, "k", "{}"));
    let panicked = tokio::spawn(async move { app.oneshot(request).await }).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(world.post("k", "{}").await.made(), 1);
    let runs = world.runs();
    assert_eq!(runs[1], (runs[0].0, true));
}

#[tokio::test]
async fn a_key_is_remembered_for_a_day() {
    let (world, _schema) = World::start().await;
    let first = world.post("k", "1").await.made();
    world.clock.advance(TimeDelta::seconds(24 * 3600 - 1));
    assert!(world.post("k", "1").await.replayed());
    assert_eq!(world.post("k", "2").await.code().0, 422);
    world.clock.advance(TimeDelta::seconds(1));
    let second = world.post("k", "2").await;
    assert!(!second.replayed());
    assert_ne!(second.made(), first);
    let runs = world.runs();
    assert_ne!(runs[0].0, runs[1].0);
    assert!(!runs[1].1);
    assert_eq!(world.rows().await, 1);
}

#[tokio::test]
async fn old_keys_are_swept_in_batches() {
    let (mut world, _schema) = World::start().await;
    world.will([Act::Record, Act::Refuse(503), Act::Refuse(409)]);
    for key in ["done", "free", "refused"] {
        world.post(key, "{}").await;
    }
    world
        .clock
        .advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert_eq!(world.keys.sweep(10).await.unwrap(), 0);
    // One that has come to run just now.
    while world.signs.try_recv().is_ok() {}
    world.lab.before.forget_permits(usize::MAX >> 3);
    let (app, request) = (world.app.clone(), post(7, "free", "{}"));
    let running = tokio::spawn(async move { app.oneshot(request).await.unwrap() });
    assert_eq!(world.signs.recv().await, Some("before"));
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(world.keys.sweep(1).await.unwrap(), 1);
    assert_eq!(world.keys.sweep(10).await.unwrap(), 1);
    assert_eq!(world.keys.sweep(10).await.unwrap(), 0);
    world.lab.before.add_permits(10);
    assert_eq!(running.await.unwrap().status(), 200);
    assert_eq!(world.keys.sweep(10).await.unwrap(), 1);
    assert_eq!(world.rows().await, 0);
}
