//! Who looks at a shelf at the same moment is answered together, and never with an older count than alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::{Servers, new_product};

const PIECES: i64 = 60;
const READERS: usize = 32;

/// So often Redis was asked for several values at once.
async fn questions(servers: &Servers) -> u64 {
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut servers.redis())
        .await
        .unwrap();
    let calls = stats
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_mget:calls="))
        .and_then(|rest| rest.split(',').next())
        .map_or("0", |calls| calls);
    calls.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_looks_sees_every_sale_that_was_told_of() {
    let servers = Servers::with_own_redis().await;
    let app = servers.instance();
    let (product, other) = (new_product(), new_product());
    app.supply(product, PIECES).await;
    app.supply(other, 7).await;
    let before = questions(&servers).await;

    let sold = Arc::new(AtomicI64::new(0));
    let over = Arc::new(AtomicBool::new(false));
    let mut crowd = JoinSet::new();
    for number in 0..READERS {
        let (app, sold, over) = (app.clone(), sold.clone(), over.clone());
        crowd.spawn(async move {
            let mut looks = 0_u64;
            loop {
                // Once more after the end: that look is a test of its own.
                let last = over.load(Ordering::SeqCst);
                let told = sold.load(Ordering::SeqCst);
                let shown = app.detail_stock(product).await.ok()["stock"]
                    .as_i64()
                    .unwrap();
                assert!(shown <= PIECES - told, "{shown} shown, {told} sold");
                assert!(!last || shown == 0, "{shown} shown at the end");
                if number == 0 {
                    assert_eq!(app.detail_stock(other).await.ok()["stock"], 7);
                }
                looks += 1;
                if last {
                    return looks;
                }
            }
        });
    }
    for _ in 0..PIECES {
        app.reserve(Uuid::now_v7(), &[(product, 1)]).await.ok();
        sold.fetch_add(1, Ordering::SeqCst);
    }
    over.store(true, Ordering::SeqCst);
    let looks: u64 = crowd.join_all().await.into_iter().sum();
    let asked = questions(&servers).await - before;
    assert!(asked < looks, "{looks} looks, {asked} questions");
    servers.audit(product).await;
}
