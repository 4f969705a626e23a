//! The journey against a mall of its own. Seconds only, and no rate is asserted: the keys are, and that nothing failed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets the unexpected ends"
)]

use std::process::Command;

use mall_testkit::{MallUnderTest, Scratch};
use serde_json::{Value, json};

const KEYS: [&str; 9] = [
    "reads_per_s",
    "orders_per_s",
    "bare_per_s",
    "reads_vs_bare",
    "orders_vs_bare",
    "latency_ms",
    "errors",
    "rss_bytes",
    "startup_ms",
];

#[tokio::test]
async fn a_short_journey_reads_and_orders_and_nothing_fails() {
    let mall = MallUnderTest::start().await.unwrap();
    let scratch = Scratch::new("journey").unwrap();
    let state = scratch.path().join("state.json");
    let text = json!({
        "gateway": mall.gateway_url(), "config_server": mall.config_server_url(),
        "redis": mall.redis_url(), "mysql": mall.mysql_url(),
        "services": [{"name": "bench", "pid": std::process::id()}],
    });
    std::fs::write(&state, text.to_string()).unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_mall-load"));
    bench
        .args([
            "journey",
            "--connections",
            "8",
            "--seconds",
            "1",
            "--warm-up",
            "0",
            "--json",
        ])
        .env("MALL_STATE", &state);
    let output = tokio::task::spawn_blocking(move || bench.output())
        .await
        .unwrap()
        .unwrap();
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{progress}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let fields = report.as_object().unwrap();
    assert_eq!(fields.keys().collect::<Vec<_>>(), KEYS);
    for rate in ["reads_per_s", "orders_per_s", "bare_per_s"] {
        assert!(report[rate].as_f64().unwrap() > 0.0, "{report:#}");
    }
    for what in ["reads", "orders", "bare"] {
        assert_eq!(report["errors"][what], json!({}), "{report:#}");
        assert!(report["latency_ms"][what]["p99"].is_number());
    }
    assert!(report["rss_bytes"]["bench"].as_u64().unwrap() > 0);
    let report = mall_audit::run(&mall.mysql_url(), &mall.redis_url()).await;
    assert!(report.unwrap().is_ok());
}
