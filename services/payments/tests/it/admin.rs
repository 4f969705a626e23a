//! What admins see, and what the database itself refuses.

use std::convert::Infallible;

use axum::body::Body;
use http::Request;
use mall_db::Db;
use mall_db::TxError;
use mall_payments::MIGRATIONS;
use mall_testkit::fresh_schema;
use mall_types::Role;
use serde_json::json;

use crate::support::{Fault, World, identity, number};

#[tokio::test]
async fn every_call_of_the_provider_is_shown() {
    let world = World::new().await;
    world.faults(&[Fault::LoseRequest]);
    world.pay(1, false).await;
    world.pay(1, false).await;
    world.refund(1, "order-1", 5000).await;
    let attempts = world.attempts(1).await;
    let text = |parts: (&str, &str, &str, &str)| {
        let (kind, by, outcome, code) = parts;
        (kind.into(), by.into(), outcome.into(), code.into())
    };
    let expected = [
        ("CHARGE", "CALL", "UNKNOWN", "TIMEOUT"),
        ("FIND", "CALL", "NOT_FOUND", "-"),
        ("CHARGE", "CALL", "CAPTURED", "-"),
        ("REFUND", "CALL", "REFUNDED", "-"),
    ];
    assert_eq!(attempts, expected.map(text));
    let kept = world.kept(1).await;
    assert_eq!(kept["amount"], 5000);
    assert_eq!(kept["userId"], 7);
    assert_eq!(kept["provider"], "simulated");
    assert_eq!(kept["createdAt"], "2024-05-01T10:00:00+09:00");
    assert_eq!(kept["refunds"][0]["refundId"], "order-1");
    assert_eq!(kept["refunds"][0]["state"], "REFUNDED");
    let keys: Vec<_> = kept["attempts"].as_array().unwrap().iter().collect();
    // One key for all charges, another one for the refund.
    assert_eq!(keys[1]["idempotencyKey"], keys[3]["idempotencyKey"]);
    assert_ne!(keys[0]["idempotencyKey"], keys[1]["idempotencyKey"]);
}

#[tokio::test]
async fn nobody_but_an_admin_may_look() {
    let world = World::new().await;
    world.pay(1, false).await;
    let ask = |path: &str, role: Option<Role>| {
        let mut request = Request::get(path).body(Body::empty()).unwrap();
        if let Some(role) = role {
            request.extensions_mut().insert(identity(role));
        }
        world.exchange(request)
    };
    assert_eq!(ask("/admin/payments/1", None).await.0, 401);
    assert_eq!(ask("/admin/payments/1", Some(Role::User)).await.0, 403);
    let (status, body) = ask("/admin/payments/2", Some(Role::Admin)).await;
    assert_eq!((status, &body["code"]), (404, &json!("PAYMENT_UNKNOWN")));
    assert_eq!(ask("/admin/payments/x", Some(Role::Admin)).await.0, 400);
}

/// Whatever the code did wrong, the tables hold.
#[tokio::test]
async fn the_database_refuses_what_must_not_be() {
    let world = World::new().await;
    world.pay(1, false).await;
    world.refund(1, "order-1", 5000).await;
    world.pay(2, false).await;
    let of = "(SELECT id FROM payment WHERE order_id = 2)";
    let refund = |charged: i64, amount: i64| {
        format!(
            "INSERT INTO refund (payment_id, charged, refund_id, amount, state, provider_key, created_at, updated_at) \
             VALUES ({of}, {charged}, 'r', {amount}, 'UNKNOWN', UUID(), NOW(6), NOW(6))"
        )
    };
    let pay = "INSERT INTO payment (order_id, user_id, amount, state, provider, provider_key, simulate, created_at, updated_at) \
               VALUES (2, 7, 1, 'UNKNOWN', 'x', UUID(), '{}', NOW(6), NOW(6))";
    let twice = "INSERT INTO refund (payment_id, charged, refund_id, amount, state, provider_key, created_at, updated_at) \
                 SELECT id, amount, 'other', amount, 'UNKNOWN', UUID(), NOW(6), NOW(6) FROM payment WHERE order_id = 1";
    for (what, sql) in [
        ("a second payment of an order", pay.to_owned()),
        ("a second refund of a payment", twice.to_owned()),
        ("a refund of more than was charged", refund(5000, 5001)),
        ("a refund with another charge", refund(6000, 5500)),
        ("a negative refund", refund(5000, -1)),
        (
            "a state that there is not",
            "UPDATE payment SET state = 'REFUNDED'".to_owned(),
        ),
    ] {
        let done = world
            .db
            .run_tx("wrong", move |tx| {
                let sql = sql.clone();
                Box::pin(async move {
                    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(tx).await?;
                    Ok::<_, TxError<Infallible>>(())
                })
            })
            .await;
        assert!(done.is_err(), "{what} went through");
    }
}

/// What stood in the tables before attempts were kept is carried over, and unknown ones are asked about.
#[tokio::test]
async fn payments_of_the_version_before_are_carried_over() {
    let schema = fresh_schema("payments").await;
    let db = Db::connect_url(&schema.url, 4).unwrap();
    db.migrate(&MIGRATIONS[..1]).await.unwrap();
    let written = db.run_tx("old", |tx| {
        Box::pin(async move {
            for sql in [
                "INSERT INTO payment (id, order_id, user_id, amount, state, provider, provider_key, simulate, created_at, updated_at) \
                 VALUES (1, 1, 7, 5000, 'CAPTURED', 'simulated', 'a', '{\"limitExceeded\":false}', '2024-01-01', '2024-01-02'), \
                 (2, 2, 7, 6000, 'UNKNOWN', 'simulated', 'b', '{}', '2024-01-01', '2024-01-02')",
                "INSERT INTO refund (payment_id, refund_id, amount, state, provider_key, created_at, updated_at) \
                 VALUES (1, 'order-1', 5000, 'UNKNOWN', 'c', '2024-01-01', '2024-01-02')",
            ] {
                sqlx::query(sql).execute(&mut *tx).await?;
            }
            Ok::<_, TxError<Infallible>>(())
        })
    });
    written.await.unwrap();
    db.migrate(MIGRATIONS).await.unwrap();
    for (what, sql) in [
        (
            "settled",
            "SELECT COUNT(*) FROM payment WHERE id = 1 AND settled_at IS NOT NULL AND next_ask_at IS NULL",
        ),
        (
            "to be asked about",
            "SELECT COUNT(*) FROM payment WHERE id = 2 AND settled_at IS NULL AND next_ask_at IS NOT NULL",
        ),
        (
            "owed",
            "SELECT COUNT(*) FROM refund WHERE charged = 5000 AND next_ask_at IS NOT NULL AND settled_at IS NULL",
        ),
    ] {
        assert_eq!(number(&db, sql).await, 1, "{what}");
    }
}
