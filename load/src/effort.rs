//! Processor time that the mall on this machine has spent, its MySQL and Redis included.

use std::collections::BTreeMap;

use mall_testkit::proc;
use serde_json::{Map, Value};

/// Microseconds by program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effort(BTreeMap<String, u64>);

impl<const N: usize> From<[(String, u64); N]> for Effort {
    fn from(programs: [(String, u64); N]) -> Self {
        Self(programs.into())
    }
}

impl Effort {
    /// What was spent since.
    pub fn since(&self, before: &Effort) -> Effort {
        let spent = self.0.iter().map(|(name, us)| {
            let earlier = before.0.get(name).copied().unwrap_or(0);
            (name.clone(), us.saturating_sub(earlier))
        });
        Effort(spent.collect())
    }

    pub fn total_us(&self) -> u64 {
        self.0.values().sum()
    }

    /// Divided by so many, those above a tenth of a microsecond.
    pub fn to_json(&self, orders: f64) -> Value {
        let each = self.0.iter().map(|(name, us)| {
            let each = (*us as f64 / orders * 10.0).round() / 10.0;
            (name.clone(), each)
        });
        let told: Map<String, Value> = each
            .filter(|(_, each)| *each > 0.0)
            .map(|(name, each)| (name, each.into()))
            .collect();
        Value::Object(told)
    }
}

/// Of the process and of all that descend from it; `None`: it is not there, or this is no Linux.
pub fn of(root: u32) -> Option<Effort> {
    let processes = proc::processes()?;
    let mut family = vec![root];
    let mut effort = Effort::default();
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        at += 1;
        for process in &processes {
            if process.parent == parent {
                family.push(process.id);
            }
            if process.id == parent {
                let us = process.spent.as_micros() as u64;
                *effort.0.entry(process.name.clone()).or_default() += us;
            }
        }
    }
    (!effort.0.is_empty()).then_some(effort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_spent_something_and_nobody_has_none() {
        // Until it has: a tick is long.
        let own = std::process::id();
        let mut sum = 0_u64;
        while of(own).unwrap().total_us() == 0 {
            sum = (0..1_000_000).fold(sum, |sum, number| sum.wrapping_mul(31) ^ number);
        }
        assert_eq!(of(u32::MAX), None, "{sum}");
    }

    #[test]
    fn what_was_spent_before_does_not_count() {
        let (before, after) = (
            Effort::from([("a".to_owned(), 5)]),
            Effort::from([("a".to_owned(), 7), ("b".to_owned(), 1)]),
        );
        let spent = after.since(&before);
        assert_eq!(
            spent,
            Effort::from([("a".to_owned(), 2), ("b".to_owned(), 1)])
        );
        assert_eq!(spent.total_us(), 3);
    }
}
