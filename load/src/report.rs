//! What a bench prints.

use serde_json::{Value, json};

use crate::fire::Outcome;
use crate::limits::Limits;
use crate::sweep::{self, Step};
use crate::verdict::Verdict;

pub struct Report {
    pub outcome: Outcome,
    pub verdict: Verdict,
    pub limits: Option<Limits>,
    /// Orders per second by plan.
    pub rate: Option<u32>,
    pub sweep: Vec<Step>,
}

impl Report {
    fn limits_json(&self) -> Value {
        let refusals = self.outcome.refusals_per_s();
        let limits = self.limits.as_ref();
        let ratio = limits
            .and_then(|limits| limits.gateway_bare)
            .filter(|gateway| gateway.per_s > 0.0)
            .map(|gateway| round3(refusals / gateway.per_s));
        let mut json = limits.map_or_else(|| Limits::default().to_json(), Limits::to_json);
        json["refusals_vs_gateway_bare"] = json!(ratio);
        json
    }

    /// Always the same keys; what was not measured is null.
    pub fn to_json(&self) -> Value {
        let Report {
            outcome, verdict, ..
        } = self;
        let rate = self
            .rate
            .map(|rate| json!({"planned_per_s": rate, "late": outcome.late}));
        let sweep: Vec<Value> = self.sweep.iter().map(Step::to_json).collect();
        json!({
            "orders": verdict.sold,
            "oversold": verdict.oversold,
            "duplicates": verdict.duplicates,
            "phantom": verdict.phantom,
            "audit": verdict.audit,
            "orders_per_s": outcome.orders_per_s().round(),
            "refusals_per_s": outcome.refusals_per_s().round(),
            "latency_ms": {"orders": outcome.accepted.to_json(), "refusals": outcome.refused.to_json()},
            "errors": outcome.errors,
            "rate": rate,
            "sweep": (!sweep.is_empty()).then_some(sweep),
            "limits": self.limits_json(),
        })
    }

    pub fn to_text(&self) -> String {
        let Report {
            outcome,
            verdict,
            limits,
            rate,
            sweep,
        } = self;
        let mut lines = vec![format!(
            "{:<10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "", "count", "per s", "p50 ms", "p90 ms", "p99 ms", "max ms"
        )];
        for (name, of, rate) in [
            ("orders", &outcome.accepted, outcome.orders_per_s()),
            ("refusals", &outcome.refused, outcome.refusals_per_s()),
        ] {
            let ms = |share| of.quantile_ms(share);
            lines.push(format!(
                "{name:<10}{:>10}{rate:>10.0}{:>10.2}{:>10.2}{:>10.2}{:>10.2}",
                of.count(),
                ms(0.5),
                ms(0.9),
                ms(0.99),
                ms(1.0)
            ));
        }
        lines.push(String::new());
        for (kind, count) in &outcome.errors {
            lines.push(format!("error      {count:>9}  {kind}"));
        }
        let Verdict {
            sold,
            oversold,
            duplicates,
            phantom,
            audit,
        } = verdict;
        lines.push(format!(
            "sold {sold}, oversold {oversold}, duplicates {duplicates}, phantom {phantom}, audit: {audit}"
        ));
        if let Some(rate) = rate {
            lines.push(format!(
                "{rate} orders per s were planned; latency counts from the plan; {} started late",
                outcome.late
            ));
        }
        if !sweep.is_empty() {
            lines.push(String::new());
            lines.extend(sweep::lines(sweep));
        }
        if let Some(limits) = limits {
            lines.push(String::new());
            lines.extend(limits.lines());
            if let Some(gateway) = limits.gateway_bare {
                lines.push(format!(
                    "refusals to the gateway in front of a bare answer: {:.2}",
                    outcome.refusals_per_s() / gateway.per_s.max(1.0)
                ));
            }
        }
        lines.join("\n") + "\n"
    }
}

fn round3(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
