//! What counts as the same request.

use http::Method;

use crate::support::{Act, World, request};

const REUSED: (u16, &str) = (422, "IDEMPOTENCY_KEY_REUSED");

#[tokio::test]
async fn another_request_with_the_key_is_422() {
    let (world, _schema) = World::start().await;
    let send = |method, path: &str, body: &str| world.send(request(method, path, 7, "k", body));
    let first = send(Method::PUT, "/things/1?x=1&y=2", r#"{"a":1,"b":2}"#).await;
    assert_eq!(first.made(), 1);
    for (method, path, body) in [
        (Method::PUT, "/things/1?x=1&y=2", r#"{"a":1,"b":3}"#),
        (Method::PUT, "/things/1?x=1&y=2", ""),
        (Method::PUT, "/things/1?x=1&y=3", r#"{"a":1,"b":2}"#),
        (Method::PUT, "/things/1", r#"{"a":1,"b":2}"#),
        (Method::PUT, "/things/2?x=1&y=2", r#"{"a":1,"b":2}"#),
        (Method::DELETE, "/things/1?x=1&y=2", r#"{"a":1,"b":2}"#),
        (Method::POST, "/things?x=1&y=2", r#"{"a":1,"b":2}"#),
    ] {
        let reply = send(method, path, body).await;
        let (status, code) = reply.code();
        assert_eq!((status, code.as_str()), REUSED, "{path} {body}");
    }
    let spelled = send(Method::PUT, "/things/1?y=2&x=1", " {\"b\":2, \"a\":1}").await;
    assert!(spelled.replayed());
    assert_eq!(world.things().await, 1);
}

#[tokio::test]
async fn another_request_is_422_while_the_first_one_runs_and_after_it_failed() {
    let (mut world, _schema) = World::start().await;
    world.will([Act::ByEffectThenAway, Act::ByEffect]);
    world.lab.before.forget_permits(usize::MAX >> 3);
    let (app, first) = (world.app.clone(), crate::support::post(7, "k", "1"));
    let running =
        tokio::spawn(async move { tower::ServiceExt::oneshot(app, first).await.unwrap() });
    assert_eq!(world.signs.recv().await, Some("before"));
    assert_eq!(world.post("k", "2").await.code().0, 422);
    world.lab.before.add_permits(100);
    assert_eq!(running.await.unwrap().status(), 503);
    // Its effect may be there: the key is still the first request's.
    assert_eq!(world.post("k", "2").await.code().0, 422);
    assert_eq!(world.post("k", "1").await.made(), 1);
    assert_eq!(world.things().await, 1);
}
