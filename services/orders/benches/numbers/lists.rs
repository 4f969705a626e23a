//! What lists cost in a small table and in a large one.

use std::time::{Duration, Instant};

use http::Method;
use mall_types::Role;

use crate::{Bench, PER_SECOND, fill, percentile};

const SMALL: u64 = 10_000;
const ROUNDS: usize = 150;

/// What is asked; `{after}` is somewhere in the table, `{buyer}` somebody.
const QUERIES: [&str; 12] = [
    "/order/orderlist",
    "/order/orderlist?limit=5",
    "/admin/orders?limit=20",
    "/admin/orders?limit=20&after={after}",
    "/admin/orders?limit=20&state=SHIPPING",
    "/admin/orders?limit=20&state=SHIPPING&after={after}",
    "/admin/orders?limit=20&product=3",
    "/admin/orders?limit=20&product=3&after={after}",
    "/admin/orders?limit=20&product=3&state=SHIPPING",
    "/admin/orders?limit=20&product=3&state=SHIPPING&after={after}",
    "/admin/orders?limit=20&buyer={buyer}&state=SHIPPING",
    "/admin/orders?limit=20&state=SHIPPING&from=2020-01-01T10:00&to=2020-01-01T20:00",
];

/// The median of each query in each table, asked in turn, so that whatever else the machine does counts for both.
async fn measure(tables: [(&Bench, u64); 2]) -> [Vec<Duration>; 2] {
    let mut times = [(); 2].map(|()| vec![Vec::with_capacity(ROUNDS); QUERIES.len()]);
    // The first time through all of it is to get warm.
    for counts in [false, true] {
        for round in 0..ROUNDS as u64 {
            for (index, query) in QUERIES.iter().enumerate() {
                for ((bench, rows), times) in tables.iter().zip(&mut times) {
                    // From all over the table.
                    let place = (round * 7919 * 613 + 4000) % (rows - 4000) + 4000;
                    let buyer = 1000 + (place / 10) as i64;
                    let path = query
                        .replace("{after}", &place.to_string())
                        .replace("{buyer}", &buyer.to_string());
                    let by = match path.starts_with("/admin") {
                        true => (1, Role::Admin),
                        false => (buyer, Role::User),
                    };
                    let took = bench.call(by, Method::GET, &path, "").await;
                    if counts {
                        times[index].push(took);
                    }
                }
            }
        }
    }
    times.map(|mut times| {
        times
            .iter_mut()
            .map(|times| percentile(times, 50))
            .collect()
    })
}

pub async fn run(rows: u64) {
    let large = Bench::new(true, 1024, PER_SECOND).await;
    let small = large.beside("small").await;
    // Ten seconds apart, states in turn.
    let (state, placed) = (
        "(n DIV 3) % 8",
        "TIMESTAMP('2020-01-01') + INTERVAL (n * 10) SECOND",
    );
    fill(&small.db, (0, SMALL), state, placed).await;
    let started = Instant::now();
    fill(&large.db, (0, rows), state, placed).await;
    println!(
        "filled with {rows} orders in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    let [few, many] = measure([(&small, SMALL), (&large, rows)]).await;
    let millis = |time: &Duration| time.as_secs_f64() * 1000.0;
    println!("median in ms with {SMALL} orders, with {rows}, ratio");
    for ((query, few), many) in QUERIES.iter().zip(&few).zip(&many) {
        let (few, many) = (millis(few), millis(many));
        println!("{few:7.3} {many:7.3} {:5.2}  {query}", many / few);
    }
    let sum = |times: &[Duration]| times.iter().map(millis).sum::<f64>();
    let (few, many) = (sum(&few), sum(&many));
    println!("{few:7.3} {many:7.3} {:5.2}  all together", many / few);
}
