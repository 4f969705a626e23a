//! What an order costs, by the number of connections that order at the same moment.

use serde_json::{Value, json};

use crate::effort::Effort;
use crate::fire::Outcome;
use crate::verdict::Verdict;

/// One drop of a sweep: it sold out to as many buyers as it had pieces.
#[derive(Debug)]
pub struct Step {
    connections: u32,
    orders: u64,
    per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Processor time of the mall, its servers included and the loader not, by program; `None` for another mall.
    effort: Option<Effort>,
    verdict: Verdict,
    errors: u64,
}

impl Step {
    pub fn of(
        connections: u32,
        outcome: &Outcome,
        verdict: Verdict,
        spent: Option<(Effort, Effort)>,
    ) -> Step {
        Step {
            connections,
            orders: outcome.accepted.count(),
            per_s: outcome.orders_per_s(),
            p50_ms: outcome.accepted.quantile_ms(0.5),
            p99_ms: outcome.accepted.quantile_ms(0.99),
            effort: spent.map(|(after, before)| after.since(&before)),
            verdict,
            errors: outcome.errors.values().sum(),
        }
    }

    /// Microseconds from one order to the next.
    fn us_per_order(&self) -> f64 {
        if self.per_s > 0.0 {
            1e6 / self.per_s
        } else {
            0.0
        }
    }

    /// Microseconds of processor time for an order.
    fn cpu_us_per_order(&self) -> Option<f64> {
        let orders = self.orders.max(1) as f64;
        let effort = self.effort.as_ref()?;
        Some(effort.total_us() as f64 / orders)
    }

    pub fn to_json(&self) -> Value {
        let orders = self.orders.max(1) as f64;
        let by_program = self.effort.as_ref().map(|effort| effort.to_json(orders));
        json!({
            "connections": self.connections,
            "orders": self.orders,
            "orders_per_s": self.per_s.round(),
            "us_per_order": round1(self.us_per_order()),
            "cpu_us_per_order": self.cpu_us_per_order().map(round1),
            "cpu_us_by_program": by_program,
            "latency_ms": {"p50": self.p50_ms, "p99": self.p99_ms},
            "errors": self.errors,
            "oversold": self.verdict.oversold,
            "audit": self.verdict.audit,
        })
    }

    pub fn line(&self) -> String {
        let cpu = match self.cpu_us_per_order() {
            Some(cpu) => format!("{cpu:>10.1}"),
            None => format!("{:>10}", "-"),
        };
        format!(
            "{:>11}{:>10}{:>10.0}{:>10.1}{cpu}{:>10.2}{:>10.2}{:>8}  {}",
            self.connections,
            self.orders,
            self.per_s,
            self.us_per_order(),
            self.p50_ms,
            self.p99_ms,
            self.errors,
            self.verdict.audit
        )
    }
}

/// The steps as a table.
pub fn lines(steps: &[Step]) -> Vec<String> {
    let head = format!(
        "{:>11}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}{:>8}  audit",
        "connections", "orders", "per s", "us each", "cpu us", "p50 ms", "p99 ms", "errors"
    );
    std::iter::once(head)
        .chain(steps.iter().map(Step::line))
        .collect()
}

fn round1(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_orders_cost_is_the_time_between_two() {
        let mut outcome = Outcome::default();
        for _ in 0..4 {
            outcome.accepted.record(Duration::from_millis(2));
        }
        outcome.until_last_order = Duration::from_secs(1);
        let effort = |us| Effort::from([("application-order".to_owned(), us)]);
        let spent = Some((effort(1_400), effort(1_000)));
        let step = Step::of(8, &outcome, Verdict::default(), spent);
        let json = step.to_json();
        assert_eq!(json["us_per_order"], 250_000.0);
        assert_eq!(json["cpu_us_per_order"], 100.0);
        assert_eq!(
            json["cpu_us_by_program"],
            json!({"application-order": 100.0})
        );
        assert_eq!(lines(&[step]).len(), 2);
    }
}
