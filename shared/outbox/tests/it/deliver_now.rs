use mall_outbox::Outcome;

use crate::support::{Fault, Outbox};

#[tokio::test]
async fn delivers_at_once_and_says_so() {
    let outbox = Outbox::start().await;
    let relay = outbox.relay();
    let id = outbox.enqueue("a", "k").await;
    assert_eq!(relay.deliver_now(id).await.unwrap(), Outcome::Delivered);
    assert_eq!(outbox.receiver.topics(), ["a"]);
    assert_eq!(
        relay.deliver_now(id).await.unwrap(),
        Outcome::Delivered,
        "it is gone: somebody delivered it"
    );
    assert_eq!(outbox.receiver.topics(), ["a"]);
}

#[tokio::test]
async fn a_failure_is_pending_and_does_not_wait_for_the_backoff() {
    let outbox = Outbox::start().await;
    let relay = outbox.relay();
    outbox.receiver.fail("a", &[Fault::Retry, Fault::Dead]);
    let id = outbox.enqueue("a", "k").await;
    assert_eq!(relay.deliver_now(id).await.unwrap(), Outcome::Pending);
    assert_eq!(
        relay.deliver_now(id).await.unwrap(),
        Outcome::Pending,
        "tried again at once; dead now"
    );
    assert_eq!(
        relay.deliver_now(id).await.unwrap(),
        Outcome::Pending,
        "the dead are not tried"
    );
    assert_eq!(outbox.receiver.topics().len(), 2);
}

#[tokio::test]
async fn older_rows_of_the_key_go_first() {
    let outbox = Outbox::start().await;
    let relay = outbox.relay();
    outbox.enqueue("a1", "a").await;
    let second = outbox.enqueue("a2", "a").await;
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(relay.run(stop.clone()));
    assert_eq!(relay.deliver_now(second).await.unwrap(), Outcome::Delivered);
    assert_eq!(outbox.receiver.topics(), ["a1", "a2"]);
    stop.cancel();
    running.await.unwrap();
}
