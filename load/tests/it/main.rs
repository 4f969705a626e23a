//! The bench against a mall of its own. Seconds only, and no number is asserted: the verdict and the keys are.

use std::process::Command;

use mall_testkit::{MallUnderTest, Scratch};
use serde_json::{Value, json};

const KEYS: [&str; 12] = [
    "orders",
    "oversold",
    "duplicates",
    "phantom",
    "audit",
    "orders_per_s",
    "refusals_per_s",
    "latency_ms",
    "errors",
    "rate",
    "sweep",
    "limits",
];

const LIMITS: [&str; 8] = [
    "bare_per_s",
    "gateway_bare_per_s",
    "lua_decrement_per_s",
    "plain_lock_cycle_per_s",
    "reservations_per_s",
    "reservations_http_per_s",
    "connections",
    "refusals_vs_gateway_bare",
];

fn keys(value: &Value) -> Vec<&str> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_small_drop_sells_out_exactly() {
    let mall = MallUnderTest::start().await.unwrap();
    let scratch = Scratch::new("bench").unwrap();
    let state = scratch.path().join("state.json");
    let text = json!({
        "gateway": mall.gateway_url(), "config_server": mall.config_server_url(),
        "redis": mall.redis_url(), "mysql": mall.mysql_url(),
    });
    std::fs::write(&state, text.to_string()).unwrap();
    let mut bench = Command::new(env!("CARGO_BIN_EXE_mall-load"));
    bench
        .args([
            "drop",
            "--buyers",
            "120",
            "--stock",
            "20",
            "--products",
            "2",
            "--connections",
            "16",
        ])
        .args(["--seconds", "20", "--json"])
        .env("MALL_STATE", &state);
    let output = tokio::task::spawn_blocking(move || bench.output())
        .await
        .unwrap()
        .unwrap();
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{progress}");
    // Nothing but the JSON is on stdout.
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(keys(&report), KEYS);
    assert_eq!(keys(&report["limits"]), LIMITS);
    assert_eq!(keys(&report["latency_ms"]), ["orders", "refusals"]);
    assert_eq!(
        keys(&report["latency_ms"]["orders"]),
        ["p50", "p90", "p99", "max"]
    );
    assert_eq!(report["errors"], json!({}), "{report:#}");
    assert_eq!(report["orders"], 40, "{report:#}");
    for none in ["oversold", "duplicates", "phantom"] {
        assert_eq!(report[none], 0, "{report:#}");
    }
    assert_eq!(report["audit"], "ok", "{report:#}");
}
