//! Many due orders are moved while shoppers place new ones.
//!
//! In rounds, so that whatever else the machine does counts for both: in each, shoppers order for a while with nothing beside them
//! and for a while beside the job; who comes first changes from round to round.

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
const ROUNDS: u64 = 4;
const QUIET: Duration = Duration::from_secs(10);
/// Not counted, before each window: what was before dies down, and all is warm.
const BETWEEN: Duration = Duration::from_secs(2);

/// Shoppers who order until the work is done; what that came to, and how long each order took.
async fn meanwhile<T>(bench: &Arc<Bench>, work: impl Future<Output = T>) -> (T, Vec<Duration>) {
    let stop = Arc::new(AtomicBool::new(false));
    let shoppers: Vec<_> = (1..=SHOPPERS)
        .map(|shopper| {
            let (bench, stop) = (Arc::clone(bench), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut times, by) = (Vec::new(), (shopper, Role::User));
                let (path, body) = ("/order/orderProduct", r#"{"productId": 3, "quantity": 1}"#);
                while !stop.load(Ordering::Relaxed) {
                    times.push(bench.call(by, Method::POST, path, body).await);
                    tokio::time::sleep(THINKS).await;
                }
                times
            })
        })
        .collect();
    let done = work.await;
    stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for shopper in shoppers {
        times.extend(shopper.await.unwrap());
    }
    (done, times)
}

/// What shoppers saw in all windows of a kind.
#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    took: Duration,
}

impl Seen {
    /// The window's 99th percentile, in ms.
    fn add(&mut self, mut times: Vec<Duration>, took: Duration) -> f64 {
        let p99 = millis(percentile(&mut times, 99));
        self.times.extend(times);
        self.took += took;
        p99
    }

    fn told(&mut self, what: &str) -> f64 {
        let p99 = millis(percentile(&mut self.times, 99));
        println!(
            "placing {what}: {:.0} orders/s, p50 {:.1} ms, p99 {p99:.1} ms",
            self.times.len() as f64 / self.took.as_secs_f64(),
            millis(percentile(&mut self.times, 50)),
        );
        p99
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Moves what is due; how long that took, and until its effects were delivered.
async fn move_due(bench: &Bench) -> Duration {
    let started = Instant::now();
    bench.jobs.run_now(DEADLINE).await.unwrap();
    started.elapsed()
}

pub async fn run(orders: u64, per_second: u32) {
    let bench = Arc::new(Bench::new(false, 64, per_second).await);
    println!(
        "{orders} unpaid orders, an hour old, in {ROUNDS} rounds, at most {per_second}/s; {SHOPPERS} shoppers who think for {THINKS:?}"
    );
    let stopping = CancellationToken::new();
    let relay = tokio::spawn(bench.orders.relay().run(stopping.clone()));
    let (mut quiet, mut busy, mut effects) = (Seen::default(), Seen::default(), Duration::ZERO);
    for round in 0..ROUNDS {
        let placed = "UTC_TIMESTAMP(6) - INTERVAL 3600 SECOND";
        // Numbers that shoppers' orders don't reach from round to round.
        let first = (round + 1) * 1_000_000_000;
        fill(&bench.db, (first, first + orders / ROUNDS), "7", placed).await;
        let mut p99 = (0.0, 0.0);
        for turn in 0..2 {
            meanwhile(&bench, tokio::time::sleep(BETWEEN)).await;
            let started = Instant::now();
            if turn == round % 2 {
                let ((), times) = meanwhile(&bench, tokio::time::sleep(QUIET)).await;
                p99.0 = quiet.add(times, started.elapsed());
            } else {
                let (took, times) = meanwhile(&bench, move_due(&bench)).await;
                p99.1 = busy.add(times, took);
                while bench.orders.relay().pending().await.unwrap() > 0 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                effects += started.elapsed();
            }
        }
        println!(
            "round {}: p99 of placing {:.1} ms, beside the job {:.1} ms, {:.2} times that",
            round + 1,
            p99.0,
            p99.1,
            p99.1 / p99.0
        );
    }
    let (before, during) = (quiet.told("in quiet"), busy.told("beside the job"));
    println!(
        "moved {orders} orders in {:.1} s: {:.0}/s; p99 of placing is {:.2} times that in quiet",
        busy.took.as_secs_f64(),
        orders as f64 / busy.took.as_secs_f64(),
        during / before
    );
    println!(
        "their effects were delivered after {:.1} s (receivers that answer at once)",
        effects.as_secs_f64()
    );
    stopping.cancel();
    relay.await.unwrap();
}
