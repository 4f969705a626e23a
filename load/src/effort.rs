//! Processor time that the mall on this machine has spent, its MySQL and Redis included.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

/// Microseconds of one tick of `/proc/<pid>/stat`: a hundredth of a second everywhere that Linux runs Rust.
const TICK_US: u64 = 10_000;

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
    let processes: Vec<Process> = std::fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| Process::read(&entry.path()))
        .collect();
    let mut family = vec![u64::from(root)];
    let mut effort = Effort::default();
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        at += 1;
        for process in &processes {
            if process.parent == parent {
                family.push(process.id);
            }
            if process.id == parent {
                *effort.0.entry(process.name.clone()).or_default() += process.us;
            }
        }
    }
    (!effort.0.is_empty()).then_some(effort)
}

struct Process {
    id: u64,
    parent: u64,
    name: String,
    us: u64,
}

impl Process {
    fn read(folder: &Path) -> Option<Process> {
        let id = folder.file_name()?.to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        parse(id, &stat)
    }
}

/// `pid (name) state ppid ... utime stime`, fields 14 and 15; a name may have brackets and spaces in it.
fn parse(id: u64, stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(") ")?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = tail.split(' ').collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process {
        id,
        parent: number(1)?,
        name,
        us: (number(11)? + number(12)?) * TICK_US,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_is_read() {
        let line = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 1 1 1\n";
        let process = parse(42, line).unwrap();
        assert_eq!(
            (process.parent, process.name.as_str(), process.us),
            (7, "a (b) c", 2_000_000)
        );
    }

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
