//! What Linux's `/proc` says about processes. Elsewhere, and of a process that is gone, it says nothing.

use std::fs;
use std::time::Duration;

/// One tick of `/proc/<pid>/stat`: a hundredth of a second everywhere that Linux runs Rust.
const TICK: Duration = Duration::from_millis(10);

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// Its parent's; 0 without one.
    pub parent: u32,
    /// The first 15 bytes of its program's name.
    pub name: String,
    /// `R` runs, `S` sleeps, `T` is stopped, `Z` has ended and is not reaped: proc(5) has the others.
    pub state: char,
    /// Processor time that it has spent, in its own code and in the kernel's, its ended children not included; counted in
    /// hundredths of a second.
    pub spent: Duration,
}

/// The process with this number.
#[must_use]
pub fn process(id: u32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
}

/// All processes that this one may see; `None` where there is no `/proc`.
#[must_use]
pub fn processes() -> Option<Vec<Process>> {
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Some(ids.filter_map(process).collect())
}

/// Resident memory of a process in bytes.
#[must_use]
pub fn resident_bytes(id: u32) -> Option<u64> {
    resident(&fs::read_to_string(format!("/proc/{id}/status")).ok()?)
}

/// `pid (name) state ppid ... utime stime`, the last two fields 14 and 15; a name may have brackets and blanks in it.
fn parse(stat: &str) -> Option<Process> {
    let (head, tail) = stat.rsplit_once(") ")?;
    let (id, name) = head.split_once(" (")?;
    let fields: Vec<&str> = tail.split(' ').collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(Process {
        id: id.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        name: name.to_owned(),
        state: fields.first()?.chars().next()?,
        spent: TICK * ticks(11)? + TICK * ticks(12)?,
    })
}

fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read() {
        let line = "42 (a (b) c) S 7 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 1 1 1\n";
        let process = Process {
            id: 42,
            parent: 7,
            name: "a (b) c".to_owned(),
            state: 'S',
            spent: Duration::from_secs(2),
        };
        assert_eq!(parse(line), Some(process));
        assert_eq!(parse(""), None);
        assert_eq!(resident("Name:\tx\nVmRSS:\t   2048 kB\n"), Some(2 << 20));
        // A kernel's thread has none.
        assert_eq!(resident("Name:\tx\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_there() {
        let id = std::process::id();
        let own = process(id).unwrap();
        assert_eq!(
            (own.id, own.parent),
            (id, std::os::unix::process::parent_id())
        );
        assert!(processes().unwrap().iter().any(|other| other.id == id));
        assert!(resident_bytes(id).unwrap() > 100_000);
        assert_eq!(process(u32::MAX), None);
        assert_eq!(resident_bytes(u32::MAX), None);
    }
}
