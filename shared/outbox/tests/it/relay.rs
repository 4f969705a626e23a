use std::time::Duration;

use mall_outbox::RelaySettings;
use mall_testkit::eventually;
use tokio_util::sync::CancellationToken;

use crate::support::{Fault, Outbox};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn order_is_kept_per_key() {
    let outbox = Outbox::start().await;
    for (topic, key) in [
        ("a1", "a"),
        ("a2", "a"),
        ("b1", "b"),
        ("a3", "a"),
        ("b2", "b"),
    ] {
        outbox.enqueue(topic, key).await;
    }
    let relay = outbox.relay();
    assert_eq!(
        relay.drain_once().await.unwrap(),
        2,
        "one row of each key at a time"
    );
    assert_eq!(relay.drain_once().await.unwrap(), 2);
    assert_eq!(relay.drain_once().await.unwrap(), 1);
    let topics = outbox.receiver.topics();
    let of = |key: &str| {
        topics
            .iter()
            .filter(|topic| topic.starts_with(key))
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(of("a"), ["a1", "a2", "a3"]);
    assert_eq!(of("b"), ["b1", "b2"]);
}

#[tokio::test]
async fn a_failed_row_waits_and_holds_its_key_back() {
    let outbox = Outbox::start().await;
    outbox.receiver.fail("a1", &[Fault::Retry, Fault::Retry]);
    let first = outbox.enqueue("a1", "a").await;
    outbox.enqueue("a2", "a").await;
    outbox.enqueue("b1", "b").await;
    let relay = outbox.relay();
    assert_eq!(relay.drain_once().await.unwrap(), 1, "b1 only");
    assert_eq!(
        outbox.row(first).await.unwrap(),
        (1, Some("not now".into()), 0, false)
    );
    assert_eq!(
        relay.drain_once().await.unwrap(),
        0,
        "a1 waits, a2 waits for a1"
    );
    outbox.clock.advance(chrono::Duration::milliseconds(201));
    assert_eq!(relay.drain_once().await.unwrap(), 0, "fails again");
    assert_eq!(outbox.row(first).await.unwrap().0, 2);
    outbox.clock.advance(chrono::Duration::milliseconds(401));
    assert_eq!(relay.drain_once().await.unwrap(), 1);
    assert_eq!(relay.drain_once().await.unwrap(), 1);
    assert_eq!(outbox.receiver.topics(), ["a1", "b1", "a1", "a1", "a2"]);
    assert_eq!(outbox.receiver.seen()[3].attempts, 2);
}

#[tokio::test]
async fn a_dead_row_stays_and_does_not_hold_its_key_back() {
    let outbox = Outbox::start().await;
    outbox.receiver.fail("a1", &[Fault::Dead]);
    let first = outbox.enqueue("a1", "a").await;
    outbox.enqueue("a2", "a").await;
    let relay = outbox.relay();
    assert_eq!(relay.drain_once().await.unwrap(), 0);
    assert_eq!(
        outbox.row(first).await.unwrap(),
        (1, Some("never".into()), 1, false)
    );
    assert_eq!(relay.drain_once().await.unwrap(), 1);
    outbox.clock.advance(chrono::Duration::days(1));
    assert_eq!(relay.drain_once().await.unwrap(), 0);
    assert_eq!(
        (relay.pending().await.unwrap(), relay.dead().await.unwrap()),
        (0, 1)
    );
    assert_eq!(outbox.receiver.topics(), ["a1", "a2"]);
}

#[tokio::test]
async fn the_dead_are_listed_and_given_a_second_life() {
    let outbox = Outbox::start().await;
    let mut dead = Vec::new();
    for number in 0..3 {
        let topic = format!("a{number}");
        outbox.receiver.fail(&topic, &[Fault::Dead]);
        dead.push(outbox.enqueue(&topic, "a").await);
        outbox.enqueue(&format!("b{number}"), "b").await;
    }
    let relay = outbox.relay();
    for _ in 0..3 {
        relay.drain_once().await.unwrap();
    }
    let ids = |letters: &[mall_outbox::DeadLetter]| {
        letters.iter().map(|letter| letter.id).collect::<Vec<_>>()
    };
    let first = relay.list_dead(0, 2).await.unwrap();
    assert_eq!(ids(&first), dead[..2]);
    assert_eq!(
        (
            first[0].topic.as_str(),
            first[0].attempts,
            first[0].last_error.as_deref()
        ),
        ("a0", 1, Some("never"))
    );
    assert_eq!(ids(&relay.list_dead(dead[1], 2).await.unwrap()), dead[2..]);

    let living = outbox.enqueue("c", "c").await;
    assert!(!outbox.retry_dead(living).await, "it lives");
    assert!(!outbox.retry_dead(living + 1).await, "it never was");
    assert!(outbox.retry_dead(dead[1]).await);
    assert!(!outbox.retry_dead(dead[1]).await, "once");
    assert_eq!(relay.drain_once().await.unwrap(), 2);
    assert_eq!(
        ids(&relay.list_dead(0, 9).await.unwrap()),
        [dead[0], dead[2]]
    );
    assert_eq!(relay.pending().await.unwrap(), 0);
}

#[tokio::test]
async fn the_slowest_delivery_holds_up_only_its_key() {
    let outbox = Outbox::start().await;
    let relay = outbox.relay_with(RelaySettings {
        poll: Duration::from_millis(50),
        batch: 3,
        ..RelaySettings::default()
    });
    outbox.receiver.fail("slow", &[Fault::Hang]);
    let slow = outbox.enqueue("slow", "a").await;
    let behind = outbox.enqueue("behind", "a").await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(relay.run(stop.clone()));
    // Far more than there are places, and each after the one before was gone.
    for number in 0..7 {
        let quick = outbox.enqueue(&format!("quick{number}"), "b").await;
        relay.kick();
        eventually(SOON, || async {
            match outbox.row(quick).await {
                None => Ok(()),
                left => Err(left),
            }
        })
        .await;
    }
    let (attempts, _, _, locked) = outbox.row(slow).await.unwrap();
    assert!(attempts == 0 && locked, "it is still in delivery");
    assert!(!outbox.row(behind).await.unwrap().3);
    assert!(!outbox.receiver.topics().contains(&"behind".to_owned()));
    running.abort();
}

#[tokio::test]
async fn panics_and_hangs_are_retried() {
    let outbox = Outbox::start().await;
    outbox.receiver.fail("panics", &[Fault::Panic]);
    outbox.receiver.fail("hangs", &[Fault::Hang]);
    let panics = outbox.enqueue("panics", "a").await;
    let hangs = outbox.enqueue("hangs", "b").await;
    let relay = outbox.relay_with(RelaySettings {
        lease: Duration::from_millis(400),
        ..RelaySettings::default()
    });
    assert_eq!(relay.drain_once().await.unwrap(), 0);
    assert_eq!(
        outbox.row(panics).await.unwrap().1.as_deref(),
        Some("the delivery panicked")
    );
    assert_eq!(
        outbox.row(hangs).await.unwrap().1.as_deref(),
        Some("the delivery took too long")
    );
    outbox.clock.advance(chrono::Duration::seconds(1));
    assert_eq!(relay.drain_once().await.unwrap(), 2);
}

#[tokio::test]
async fn a_row_is_one_relays_until_its_lease_ends() {
    let outbox = Outbox::start().await;
    // The receiver holds the delivery: nothing passes its gate.
    outbox.receiver.gate.forget_permits(10_000);
    outbox.enqueue("a1", "a").await;
    let (first, second) = (outbox.relay(), outbox.relay());
    let holding = tokio::spawn({
        let first = first.clone();
        async move { first.drain_once().await }
    });
    eventually(SOON, || async {
        if outbox.receiver.topics().len() == 1 {
            Ok(())
        } else {
            Err("not taken yet")
        }
    })
    .await;
    assert_eq!(second.drain_once().await.unwrap(), 0);
    assert_eq!(outbox.receiver.topics().len(), 1);
    // The first relay seems dead: the second takes over, and both may deliver. At least once.
    outbox.clock.advance(chrono::Duration::seconds(31));
    outbox.receiver.gate.add_permits(10_000);
    second.drain_once().await.unwrap();
    holding.await.unwrap().unwrap();
    assert_eq!(first.pending().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_relays_deliver_each_row_once_and_in_order() {
    let outbox = Outbox::start().await;
    let (keys, rows) = (10, 12);
    for row in 0..rows {
        for key in 0..keys {
            outbox
                .enqueue(&format!("{key}-{row:02}"), &key.to_string())
                .await;
        }
    }
    let stop = CancellationToken::new();
    let relays: Vec<_> = (0..4).map(|_| outbox.relay()).collect();
    let running: Vec<_> = relays
        .iter()
        .map(|relay| tokio::spawn(relay.run(stop.clone())))
        .collect();
    eventually(Duration::from_secs(30), || async {
        match relays[0].pending().await.unwrap() {
            0 => Ok(()),
            left => Err(left),
        }
    })
    .await;
    stop.cancel();
    for relay in running {
        relay.await.unwrap();
    }
    let topics = outbox.receiver.topics();
    assert_eq!(topics.len(), keys * rows, "no row twice while nobody dies");
    for key in 0..keys {
        let of_key: Vec<_> = topics
            .iter()
            .filter(|topic| topic.starts_with(&format!("{key}-")))
            .collect();
        assert!(of_key.is_sorted(), "{of_key:?}");
    }
}

#[tokio::test]
async fn a_kick_wakes_the_relay_and_stop_ends_it() {
    let outbox = Outbox::start().await;
    let relay = outbox.relay_with(RelaySettings {
        poll: Duration::from_secs(3600),
        ..RelaySettings::default()
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn(relay.run(stop.clone()));
    for number in 0..3 {
        outbox.enqueue(&format!("a{number}"), "a").await;
        relay.kick();
        eventually(SOON, || async {
            match relay.pending().await.unwrap() {
                0 => Ok(()),
                left => Err(left),
            }
        })
        .await;
    }
    stop.cancel();
    tokio::time::timeout(SOON, running).await.unwrap().unwrap();
}

#[tokio::test]
async fn each_of_a_batch_is_settled_for_itself() {
    let outbox = Outbox::start().await;
    outbox.receiver.fail("b", &[Fault::Retry]);
    outbox.receiver.fail("d", &[Fault::Dead]);
    let mut rows = Vec::new();
    for topic in ["a", "b", "c", "d", "e"] {
        rows.push(outbox.enqueue(topic, topic).await);
    }
    let relay = outbox.relay();
    assert_eq!(relay.drain_once().await.unwrap(), 3);
    for delivered in [rows[0], rows[2], rows[4]] {
        assert_eq!(outbox.row(delivered).await, None);
    }
    let failed = (1, Some("not now".into()), 0, false);
    assert_eq!(outbox.row(rows[1]).await, Some(failed));
    let dead = (1, Some("never".into()), 1, false);
    assert_eq!(outbox.row(rows[3]).await, Some(dead));
}
