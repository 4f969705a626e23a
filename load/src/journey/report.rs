//! What a journey prints.

use serde_json::{Value, json};

use crate::fire::Outcome;

pub struct Report {
    pub bare: Outcome,
    pub reading: Outcome,
    pub ordering: Outcome,
    /// Bytes by process; null for another mall.
    pub rss: Value,
    /// Milliseconds by program; null where nothing tells them.
    pub startup: Value,
}

/// Good answers in the time that all of it took.
pub fn per_s(outcome: &Outcome) -> f64 {
    Outcome::per_second(outcome.accepted.count(), outcome.took)
}

fn ratio(of: &Outcome, to: &Outcome) -> f64 {
    let whole = per_s(to);
    let ratio = if whole > 0.0 { per_s(of) / whole } else { 0.0 };
    (ratio * 1e4).round() / 1e4
}

impl Report {
    /// Always the same keys.
    pub fn to_json(&self) -> Value {
        let Report {
            bare,
            reading,
            ordering,
            ..
        } = self;
        json!({
            "reads_per_s": per_s(reading).round(),
            "orders_per_s": per_s(ordering).round(),
            "bare_per_s": per_s(bare).round(),
            "reads_vs_bare": ratio(reading, bare),
            "orders_vs_bare": ratio(ordering, bare),
            "latency_ms": {
                "reads": reading.accepted.to_json(),
                "orders": ordering.accepted.to_json(),
                "bare": bare.accepted.to_json(),
            },
            "errors": {"reads": reading.errors, "orders": ordering.errors, "bare": bare.errors},
            "rss_bytes": self.rss,
            "startup_ms": self.startup,
        })
    }

    pub fn to_text(&self) -> String {
        let mut lines = vec![format!(
            "{:<10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "", "count", "per s", "of bare", "p50 ms", "p90 ms", "p99 ms", "max ms"
        )];
        for (name, of) in [
            ("bare", &self.bare),
            ("reads", &self.reading),
            ("orders", &self.ordering),
        ] {
            let ms = |share| of.accepted.quantile_ms(share);
            lines.push(format!(
                "{name:<10}{:>10}{:>10.0}{:>10.4}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
                of.accepted.count(),
                per_s(of),
                ratio(of, &self.bare),
                ms(0.5),
                ms(0.9),
                ms(0.99),
                ms(1.0)
            ));
            lines.extend(
                of.errors
                    .iter()
                    .map(|(kind, count)| format!("error      {count:>9}  {kind}")),
            );
        }
        if let Some(rss) = self.rss.as_object() {
            lines.push(String::new());
            for (name, bytes) in rss {
                let mib = bytes.as_f64().unwrap_or_default() / f64::from(1 << 20);
                let start = match self.startup[name].as_u64() {
                    Some(ms) => format!("  ready after {ms} ms"),
                    None => String::new(),
                };
                lines.push(format!("{name:<16}{mib:>8.1} MiB{start}"));
            }
        }
        lines.join("\n") + "\n"
    }
}
