//! Many shoppers place orders at once: what orders and MySQL alone are good for. The other services say yes at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use mall_types::Role;

use crate::{Bench, PER_SECOND, percentile};

const WINDOW: Duration = Duration::from_secs(8);

/// So many shoppers, each with the next order when the last one is answered; with an Idempotency-Key for each or without.
pub async fn run(shoppers: i64, keyed: bool) {
    let bench = Arc::new(Bench::new(false, 256, PER_SECOND).await);
    for counts in [false, true] {
        let started = Instant::now();
        let window = if counts { WINDOW } else { WINDOW / 4 };
        let working: Vec<_> = (1..=shoppers)
            .map(|shopper| {
                let bench = Arc::clone(&bench);
                tokio::spawn(async move {
                    let (mut times, by) = (Vec::new(), (shopper, Role::User));
                    let (path, body) =
                        ("/order/orderProduct", r#"{"productId": 3, "quantity": 1}"#);
                    while started.elapsed() < window {
                        let key = keyed.then(|| format!("{counts}-{}", times.len()));
                        let key = key.as_deref();
                        times.push(bench.keyed(by, Method::POST, path, body, key).await);
                    }
                    times
                })
            })
            .collect();
        let mut times = Vec::new();
        for shopper in working {
            times.extend(shopper.await.unwrap());
        }
        if counts {
            let millis = |percent| percentile(&mut times.clone(), percent).as_secs_f64() * 1000.0;
            println!(
                "{shoppers} shoppers, keys: {keyed}: {:.0} orders/s, p50 {:.1} ms, p99 {:.1} ms",
                times.len() as f64 / started.elapsed().as_secs_f64(),
                millis(50),
                millis(99)
            );
        }
    }
}
