//! What people see: progress on stderr, results on stdout.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mall_testkit::mall::{Event, InstanceView};

/// One line on stderr.
pub fn complain(text: &str) {
    // When nobody reads us there is nobody to tell.
    let _ = writeln!(io::stderr(), "cargo mall: {text}");
}

/// Text on stdout. Fails when the reader has gone, as `| head` does.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Shows one step after the other: a spinner on a terminal, a line for each where there is none.
#[derive(Debug)]
pub struct Screen {
    spinner: Option<ProgressBar>,
    began: Instant,
    steps: Vec<(String, Duration)>,
    last_waiting: Option<String>,
}

impl Screen {
    pub fn new() -> Screen {
        Screen {
            spinner: None,
            began: Instant::now(),
            steps: Vec::new(),
            last_waiting: None,
        }
    }

    pub fn is_terminal() -> bool {
        io::stderr().is_terminal()
    }

    pub fn began(&mut self, step: &str) {
        self.last_waiting = None;
        if Screen::is_terminal() {
            let spinner = ProgressBar::new_spinner().with_message(step.to_owned());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                spinner.set_style(style);
            }
            spinner.enable_steady_tick(Duration::from_millis(100));
            self.spinner = Some(spinner);
        } else {
            self.line(&format!("{step} ..."));
        }
    }

    pub fn done(&mut self, step: &str, took: Duration) {
        self.clear();
        self.steps.push((step.to_owned(), took));
        self.line(&format!("{step}: {}", seconds(took)));
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        let write = || {
            let _ = writeln!(io::stderr(), "{text}");
        };
        match &self.spinner {
            Some(spinner) => spinner.suspend(write),
            None => write(),
        }
    }

    /// Bytes as they come, for cargo's own progress.
    pub fn raw(&self, bytes: &[u8]) {
        let mut err = io::stderr();
        let _ = err.write_all(bytes).and_then(|()| err.flush());
    }

    pub fn clear(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    /// Shows an event of the launcher. `verb` goes before its step: "starting", "stopping".
    pub fn show(&mut self, verb: &str, event: &Event) {
        match event {
            Event::Began { step } => self.began(&format!("{verb} {step}")),
            Event::Done { step, millis } => {
                self.done(&format!("{verb} {step}"), Duration::from_millis(*millis))
            }
            Event::Waiting { missing } => self.waiting(missing),
            Event::Notice { text } => self.line(text),
        }
    }

    fn waiting(&mut self, missing: &[String]) {
        let text = format!("waiting for {}", missing.join(", "));
        match &self.spinner {
            Some(spinner) => spinner.set_message(text),
            // Without a terminal each line stays; those that only get shorter tell little.
            None if self.last_waiting.is_none() => {
                self.line(&text);
                self.last_waiting = Some(text);
            }
            None => {}
        }
    }

    /// How long everything took, step by step.
    pub fn summary(&self) -> String {
        let steps: Vec<String> = self
            .steps
            .iter()
            .map(|(step, took)| format!("{step} {}", seconds(*took)))
            .collect();
        format!("{} ({})", seconds(self.began.elapsed()), steps.join(", "))
    }
}

/// `2.9 s`, `1 min 4 s`.
pub fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole >= 60 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{}.{} s", whole, time.subsec_millis() / 100)
    }
}

/// `8.1 MB`: a megabyte is 1 000 000 bytes.
pub fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// The services, one a line, and what they use together.
pub fn table(services: &[InstanceView]) -> String {
    let mut rows = vec![
        [
            "SERVICE",
            "ADDRESS",
            "STATE",
            "PID",
            "MEMORY",
            "STARTED IN",
            "RESTARTS",
        ]
        .map(str::to_owned),
    ];
    for service in services {
        rows.push([
            service.name.clone(),
            service.url.clone(),
            service.state.clone(),
            service
                .pid
                .map_or_else(|| "-".into(), |pid| pid.to_string()),
            service.rss_bytes.map_or_else(|| "-".into(), megabytes),
            service
                .start_millis
                .map_or_else(|| "-".into(), |millis| format!("{millis} ms")),
            service.restarts.to_string(),
        ]);
    }
    let total: u64 = services
        .iter()
        .filter_map(|service| service.rss_bytes)
        .sum();
    rows.push(["together", "", "", "", &megabytes(total), "", ""].map(str::to_owned));
    let mut widths = [0; 7];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_readable() {
        assert_eq!(seconds(Duration::from_millis(2_960)), "2.9 s");
        assert_eq!(seconds(Duration::from_secs(64)), "1 min 4 s");
        assert_eq!(megabytes(8_190_000), "8.1 MB");
    }

    #[test]
    fn the_table_lines_up_and_adds_up() {
        let service = |name: &str, rss_bytes: Option<u64>| InstanceView {
            name: name.into(),
            pid: rss_bytes.map(|_| 7),
            url: "http://127.0.0.1:20000".into(),
            state: "UP".into(),
            rss_bytes,
            start_millis: Some(120),
            restarts: 0,
        };
        let text = table(&[
            service("config-server", Some(7_000_000)),
            service("users", Some(8_500_000)),
            service("carts", None),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0].find("ADDRESS"), lines[2].find("http"));
        assert!(lines[4].starts_with("together") && lines[4].ends_with("15.5 MB"));
    }
}
