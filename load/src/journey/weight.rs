//! What the processes of the mall on this machine weigh, and how long their starts took.

use std::path::Path;

use mall_testkit::proc;
use serde_json::{Map, Value};

fn instances(state: &Path) -> Vec<(String, u32)> {
    let Ok(text) = std::fs::read(state) else {
        return Vec::new();
    };
    let state: Value = serde_json::from_slice(&text).unwrap_or_default();
    let services = state["services"].as_array().cloned().unwrap_or_default();
    let read = |service: &Value| {
        let name = service["name"].as_str()?.to_owned();
        Some((name, service["pid"].as_u64()?.try_into().ok()?))
    };
    services.iter().filter_map(read).collect()
}

/// Bytes of memory by process; one that is gone is left out.
pub fn resident(state: &Path) -> Value {
    let mut by_name = Map::new();
    for (name, pid) in instances(state) {
        if let Some(bytes) = proc::resident_bytes(pid) {
            by_name.insert(name, bytes.into());
        }
    }
    Value::Object(by_name)
}

/// Milliseconds from a program's start until it served, by its name, as its log says; those whose log does not are left out.
pub fn startup(state: &Path) -> Value {
    let mut by_name = Map::new();
    let Some(logs) = state.parent().map(|folder| folder.join("logs")) else {
        return Value::Null;
    };
    for (name, _) in instances(state) {
        let log = std::fs::read(logs.join(format!("{name}.log"))).unwrap_or_default();
        if let Some(ms) = started(&String::from_utf8_lossy(&log)) {
            by_name.insert(name, ms.into());
        }
    }
    Value::Object(by_name)
}

/// Of the last start that a log tells of.
fn started(log: &str) -> Option<u64> {
    let line = log.lines().rev().find(|line| line.contains("start_ms"))?;
    let after = line.split("start_ms").nth(1)?;
    let digits = after.trim_start_matches(['"', ':', '=', ' ']);
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_both_forms_are_read() {
        let text =
            "a start_ms=7\n2026 INFO mall_service::boot: x is up port=1 start_ms=123\nmore\n";
        assert_eq!(started(text), Some(123));
        assert_eq!(started(r#"{"message":"x","start_ms":45,"t":1}"#), Some(45));
        assert_eq!(started("nothing"), None);
    }
}
