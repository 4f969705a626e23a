//! The first answer again.

use axum::body::Body;
use http::{Method, StatusCode};
use mall_db::Db;

use crate::support::{Act, World, clock, post, request, schema, settings};

#[tokio::test]
async fn the_first_answer_is_replayed_and_nothing_is_done_again() {
    let (world, _schema) = World::start().await;
    world.will([Act::Record, Act::ByEffect]);
    for key in ["one", "two"] {
        let first = world.post(key, r#"{"a":1}"#).await;
        let id = first.made();
        assert!(!first.replayed());
        for _ in 0..3 {
            let again = world.post(key, r#"{"a":1}"#).await;
            assert_eq!(again.made(), id);
            assert!(again.replayed());
            assert_eq!(again.text, first.text);
            assert_eq!(again.content_type(), first.content_type());
        }
        // The quotes of a structured header are not part of the key.
        let quoted = world.post(&format!("\"{key}\""), r#"{"a":1}"#).await;
        assert!(quoted.replayed());
    }
    assert_eq!(world.runs().len(), 2);
    assert_eq!(world.things().await, 2);
}

#[tokio::test]
async fn without_a_key_nothing_is_kept() {
    let (world, _schema) = World::start().await;
    for _ in 0..2 {
        let plain = http::Request::post("/things")
            .header("x-user", 7)
            .body(Body::empty())
            .unwrap();
        assert!(!world.send(plain).await.replayed());
    }
    assert_eq!((world.things().await, world.rows().await), (2, 0));
}

#[tokio::test]
async fn a_definite_refusal_is_replayed_word_for_word() {
    let (world, _schema) = World::start().await;
    for status in [404, 406, 409] {
        world.will([Act::Refuse(status)]);
        let key = format!("k{status}");
        let first = world.post(&key, "{}").await;
        assert_eq!(first.code(), (status, format!("REFUSED_{status}")));
        // Even where a new request would succeed.
        let again = world.post(&key, "{}").await;
        assert_eq!(again.code(), (status, format!("REFUSED_{status}")));
        assert!(again.replayed() && !first.replayed());
        assert_eq!(again.content_type(), "application/problem+json");
        // The language is that of the first request (here no outer layer translates the first answer itself).
        assert!(again.text.contains("\"No.\""), "{}", again.text);
    }
    assert_eq!(world.things().await, 0);
    assert_eq!(world.post("other", "{}").await.made(), 1);
}

#[tokio::test]
async fn callers_have_keys_of_their_own() {
    let (world, _schema) = World::start().await;
    let first = world.send(post(7, "k", "{}")).await;
    let other = world.send(post(8, "k", "{\"different\":true}")).await;
    assert!(!other.replayed());
    assert_ne!(first.made(), other.made());
    assert!(
        world
            .send(post(8, "k", "{\"different\":true}"))
            .await
            .replayed()
    );
}

#[tokio::test]
async fn what_takes_no_key_ignores_even_a_bad_one() {
    let (world, _schema) = World::start().await;
    for _ in 0..2 {
        for (method, path) in [
            (Method::POST, "/auth/things"),
            (Method::POST, "/internal/things"),
            (Method::GET, "/things/1"),
        ] {
            let reply = world.send(request(method, path, 7, "a b", "")).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}");
            assert!(!reply.replayed(), "{path}");
        }
        // Nobody known: the handler's own refusal is what counts.
        let nobody = http::Request::post("/things")
            .header("idempotency-key", "k")
            .body(Body::empty())
            .unwrap();
        assert!(!world.send(nobody).await.replayed());
    }
    assert_eq!(world.rows().await, 0);
    assert!(world.runs().is_empty());
}

#[tokio::test]
async fn a_bad_key_is_refused_before_anything_is_done() {
    let (world, _schema) = World::start().await;
    for key in ["", "a b", "\"open", &"k".repeat(256)] {
        let reply = world.post(key, "{}").await;
        assert_eq!(reply.code(), (400, "IDEMPOTENCY_KEY_INVALID".to_owned()));
    }
    let mut twice = post(7, "a", "{}");
    twice
        .headers_mut()
        .append("idempotency-key", "b".parse().unwrap());
    assert_eq!(world.send(twice).await.code().0, 400);
    assert_eq!((world.things().await, world.rows().await), (0, 0));
    assert!(world.runs().is_empty());
}

#[tokio::test]
async fn a_large_body_counts_as_a_whole_and_a_larger_one_is_413() {
    let (world, _schema) = World::start().await;
    let large = "x".repeat(1 << 20);
    let first = world.post("large", &large).await.made();
    assert_eq!(world.post("large", &large).await.made(), first);
    let other = world.post("large", &format!("{}y", &large[1..])).await;
    assert_eq!(other.code().0, 422);
    let too_large = world.post("too-large", &"x".repeat(4 << 20)).await;
    assert_eq!(too_large.code(), (413, "BODY_TOO_LARGE".to_owned()));
    assert_eq!(world.things().await, 1);
}

#[tokio::test]
async fn a_database_that_is_away_is_503_and_nothing_is_done() {
    // Port 9 (discard): nothing listens on it.
    let world = World::over("mysql://root@127.0.0.1:9/none", clock(), settings());
    let reply = world.post("k", "{}").await;
    assert_eq!(reply.code(), (503, "DATABASE_UNAVAILABLE".to_owned()));
    assert!(reply.headers.contains_key("retry-after"));
    assert!(world.runs().is_empty());
}

#[tokio::test]
async fn the_table_knows_neither_keys_nor_bodies() {
    let schema = schema().await;
    let world = World::over(&schema.url, clock(), settings());
    world.post("secret-key", r#"{"password":"hunter2"}"#).await;
    let db = Db::connect_url(&schema.url, 1).unwrap();
    let found: Result<i64, mall_db::TxError<()>> = db
        .read("look", |conn| {
            Box::pin(async move {
                Ok(sqlx::query_scalar(
                    "SELECT COUNT(*) FROM idempotency_key WHERE CONCAT_WS('|', key_hash, fingerprint, content_type, body) \
                     LIKE '%secret-key%' OR CONCAT_WS('|', key_hash, fingerprint, content_type, body) LIKE '%hunter2%' \
                     OR HEX(fingerprint) = SHA2('{\"password\":\"hunter2\"}', 256)",
                )
                .fetch_one(conn)
                .await?)
            })
        })
        .await;
    assert_eq!(found.unwrap(), 0);
    assert_eq!(world.rows().await, 1);
}
