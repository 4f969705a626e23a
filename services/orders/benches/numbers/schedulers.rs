//! Many due orders are moved while shoppers place new ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use mall_orders::DEADLINE;
use mall_types::Role;
use tokio_util::sync::CancellationToken;

use crate::{Bench, fill, percentile};

const SHOPPERS: i64 = 8;
/// Between an answer and the next order of a shopper.
const THINKS: Duration = Duration::from_millis(20);
const QUIET: Duration = Duration::from_secs(10);

/// Shoppers who order until told to stop; how long each order took.
async fn shop(bench: &Arc<Bench>, stop: &Arc<AtomicBool>) -> Vec<Duration> {
    let shoppers: Vec<_> = (0..SHOPPERS)
        .map(|shopper| {
            let (bench, stop) = (Arc::clone(bench), Arc::clone(stop));
            tokio::spawn(async move {
                let mut times = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let body = r#"{"productId": 3, "quantity": 1}"#;
                    let by = (shopper + 1, Role::User);
                    times.push(
                        bench
                            .call(by, Method::POST, "/order/orderProduct", body)
                            .await,
                    );
                    tokio::time::sleep(THINKS).await;
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for shopper in shoppers {
        times.extend(shopper.await.unwrap());
    }
    times
}

fn told(what: &str, mut times: Vec<Duration>, took: Duration) -> Duration {
    let p99 = percentile(&mut times, 99);
    println!(
        "placing {what}: {:.0} orders/s, p50 {:.1} ms, p99 {:.1} ms",
        times.len() as f64 / took.as_secs_f64(),
        percentile(&mut times, 50).as_secs_f64() * 1000.0,
        p99.as_secs_f64() * 1000.0
    );
    p99
}

pub async fn run(orders: u64) {
    let bench = Arc::new(Bench::new(false, 64).await);
    println!("{orders} unpaid orders, an hour old; {SHOPPERS} shoppers who think for {THINKS:?}");
    let placed = "UTC_TIMESTAMP(6) - INTERVAL 3600 SECOND";
    fill(&bench.db, (0, orders), "7", placed).await;
    let stopping = CancellationToken::new();
    let relay = tokio::spawn(bench.orders.relay().run(stopping.clone()));

    for (what, counts) in [("to get warm", false), ("before", true)] {
        let stop = Arc::new(AtomicBool::new(false));
        let shopping = async { shop(&bench, &stop).await };
        let ((), times) = tokio::join!(
            async {
                tokio::time::sleep(if counts { QUIET } else { QUIET / 5 }).await;
                stop.store(true, Ordering::Relaxed);
            },
            shopping
        );
        if counts {
            BEFORE.set(told(what, times, QUIET)).unwrap();
        }
    }

    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let moving = async {
        bench.jobs.run_now(DEADLINE).await.unwrap();
        let took = started.elapsed();
        stop.store(true, Ordering::Relaxed);
        took
    };
    let (took, times) = tokio::join!(moving, shop(&bench, &stop));
    let during = told("meanwhile", times, took);
    println!(
        "moved {orders} orders in {:.1} s: {:.0}/s; p99 of placing is {:.2} times that of before",
        took.as_secs_f64(),
        orders as f64 / took.as_secs_f64(),
        during.as_secs_f64() / BEFORE.get().unwrap().as_secs_f64()
    );
    while bench.orders.relay().pending().await.unwrap() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let effects = started.elapsed();
    println!(
        "their effects were delivered {:.1} s after the start (receivers that answer at once)",
        effects.as_secs_f64()
    );
    stopping.cancel();
    relay.await.unwrap();
}

static BEFORE: std::sync::OnceLock<Duration> = std::sync::OnceLock::new();
