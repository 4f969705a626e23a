//! What `/proc` says about this process. Reads fail to NaN where there is no `/proc`.

use std::fs;

use crate::metrics::Metrics;

/// Ticks per second in `/proc/*/stat`: 100 on every Linux of today (it is a constant of the kernel's user interface).
const TICKS_PER_SECOND: f64 = 100.0;

/// Name, help, unit, and how to read it.
type ProcessGauge = (
    &'static str,
    &'static str,
    Option<&'static str>,
    fn() -> Option<f64>,
);

/// Adds the process gauges under Micrometer's names. Doing it twice changes nothing.
pub fn bind(metrics: &Metrics) {
    let gauges: [ProcessGauge; 8] = [
        (
            "process.uptime",
            "The uptime of the process",
            Some("seconds"),
            uptime,
        ),
        (
            "process.start.time",
            "Start time of the process since unix epoch.",
            Some("seconds"),
            start_time,
        ),
        (
            "process.cpu.time",
            "The processor time used by the process",
            Some("seconds"),
            cpu_time,
        ),
        (
            "process.resident.memory",
            "The resident memory of the process",
            Some("bytes"),
            resident_memory,
        ),
        (
            "process.files.open",
            "The open file descriptor count",
            Some("files"),
            open_files,
        ),
        (
            "process.files.max",
            "The maximum file descriptor count",
            Some("files"),
            max_files,
        ),
        (
            "process.threads",
            "The number of threads of the process",
            None,
            threads,
        ),
        (
            "system.cpu.count",
            "The number of processors available to the process",
            None,
            cpus,
        ),
    ];
    for (name, help, unit, read) in gauges {
        metrics.gauge_fn(name, help, &[], move || read().unwrap_or(f64::NAN));
        if let Some(unit) = unit {
            metrics.unit(name, unit);
        }
    }
    metrics.gauge_fn(
        "system.load.average.1m",
        "The load average of the last minute",
        &[],
        || first_number("/proc/loadavg").unwrap_or(f64::NAN),
    );
}

fn first_number(path: &str) -> Option<f64> {
    fs::read_to_string(path)
        .ok()?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// Field `number` (as proc(5) counts) of `/proc/self/stat`, behind the name in brackets, which may hold blanks.
fn stat(number: usize) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace()
        .nth(number.checked_sub(3)?)?
        .parse()
        .ok()
}

fn status(key: &str) -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

fn uptime() -> Option<f64> {
    Some(first_number("/proc/uptime")? - stat(22)? / TICKS_PER_SECOND)
}

fn start_time() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = text
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()?;
    Some(boot + stat(22)? / TICKS_PER_SECOND)
}

fn cpu_time() -> Option<f64> {
    Some((stat(14)? + stat(15)?) / TICKS_PER_SECOND)
}

fn resident_memory() -> Option<f64> {
    Some(status("VmRSS")? * 1024.0)
}

fn threads() -> Option<f64> {
    status("Threads")
}

fn open_files() -> Option<f64> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64)
}

fn max_files() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/limits").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn cpus() -> Option<f64> {
    Some(std::thread::available_parallelism().ok()?.get() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_plausible() {
        let metrics = Metrics::new();
        bind(&metrics);
        bind(&metrics);
        let value = |name: &str| metrics.lookup(name, &[]).unwrap().measurements[0].1;
        assert!(
            (0.0..86_400.0).contains(&value("process.uptime")),
            "{}",
            value("process.uptime")
        );
        assert!(value("process.start.time") > 1.6e9);
        assert!(value("process.resident.memory") > 100_000.0);
        assert!(value("process.files.open") >= 3.0);
        assert!(value("process.files.max") >= value("process.files.open"));
        assert!(value("process.threads") >= 1.0 && value("system.cpu.count") >= 1.0);
        let text = metrics.render(false, &[]);
        let names = [
            "process_uptime_seconds",
            "process_start_time_seconds",
            "process_files_open_files",
        ];
        for name in names
            .into_iter()
            .chain(["process_resident_memory_bytes", "system_cpu_count"])
        {
            assert!(text.contains(&format!("\n{name} ")), "{name} is missing");
        }
    }
}
