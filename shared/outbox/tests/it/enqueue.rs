use std::convert::Infallible;

use mall_clock::Clock;
use mall_db::TxError;
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
