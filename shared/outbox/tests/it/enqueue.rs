use std::convert::Infallible;

use mall_clock::Clock;
use mall_db::{Db, TxError};
use mall_outbox::{Relay, RelaySettings};
use serde_json::json;

use crate::support::Outbox;

#[tokio::test]
async fn a_row_lives_and_dies_with_its_transaction() {
    let outbox = Outbox::start().await;
    let now = outbox.clock.now();
    let rolled_back: Result<(), TxError<&str>> = outbox
        .db
        .run_tx("rolled_back", move |tx| {
            Box::pin(async move {
                mall_outbox::enqueue(tx, now, "a", "k", &json!({})).await?;
                Err(TxError::Refuse("no"))
            })
        })
        .await;
    assert!(matches!(rolled_back, Err(TxError::Refuse("no"))));
    let relay = outbox.relay();
    assert_eq!(relay.pending().await.unwrap(), 0);
    assert_eq!(relay.drain_once().await.unwrap(), 0);

    let committed: Result<i64, TxError<Infallible>> = outbox
        .db
        .run_tx("committed", move |tx| {
            Box::pin(async move {
                Ok(mall_outbox::enqueue(tx, now, "a", "k", &json!({"name": "김철수"})).await?)
            })
        })
        .await;
    let id = committed.unwrap();
    assert_eq!(relay.pending().await.unwrap(), 1);
    assert_eq!(relay.drain_once().await.unwrap(), 1);
    assert_eq!(relay.pending().await.unwrap(), 0);
    let seen = outbox.receiver.seen();
    assert_eq!(
        (seen[0].id, seen[0].payload.as_str(), seen[0].attempts),
        (id, r#"{"name":"김철수"}"#, 0)
    );
}

#[tokio::test]
async fn many_rows_are_written_at_once() {
    let outbox = Outbox::start().await;
    let now = outbox.clock.now();
    let entries: Vec<_> = (0..2500)
        .map(|number| mall_outbox::Entry::new("a", format!("k{number}"), &json!({"n": number})))
        .collect::<Result<_, _>>()
        .unwrap();
    let written: Result<(), TxError<Infallible>> = outbox
        .db
        .run_tx("many", move |tx| {
            let entries = entries.clone();
            Box::pin(async move { Ok(mall_outbox::enqueue_all(tx, now, &entries).await?) })
        })
        .await;
    written.unwrap();
    // A look at a full table reads what it takes, not the table.
    let db = outbox.single();
    let relay = Relay::new(
        db.clone(),
        outbox.clock.clone(),
        outbox.receiver.clone(),
        RelaySettings::default(),
    );
    assert_eq!(relay.pending().await.unwrap(), 2500);
    let before = rows_read(&db).await;
    assert_eq!(relay.drain_once().await.unwrap(), 32);
    let read = rows_read(&db).await - before;
    assert!(read < 500, "{read} rows were read to take 32");
    let seen = outbox.receiver.seen();
    assert!(seen.iter().all(|message| message.topic == "a"));
    assert_eq!(relay.pending().await.unwrap(), 2500 - 32);
}

async fn rows_read(db: &Db) -> i64 {
    let counters = db.read("rows_read", |conn| {
        Box::pin(async move {
            let rows: Vec<(String, String)> = sqlx::query_as(
                "SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_key', 'Handler_read_next', \
                 'Handler_read_prev', 'Handler_read_rnd', 'Handler_read_rnd_next')",
            )
            .fetch_all(conn)
            .await?;
            Ok::<_, TxError<Infallible>>(rows)
        })
    });
    let counters = counters.await.unwrap();
    counters
        .iter()
        .map(|(_, value)| value.parse::<i64>().unwrap())
        .sum()
}
