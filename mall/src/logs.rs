//! `logs`: the last lines of one log or of all, and what is added to them.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use mall_testkit::process::tail;

use crate::cli::Logs;
use crate::home::Home;
use crate::screen::print;

pub fn run(options: &Logs) -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let all = logs(&home.logs());
    if all.is_empty() {
        bail!("there are no logs yet: `cargo mall up` makes them");
    }
    let wanted: Vec<&Log> = all
        .iter()
        .filter(|log| {
            options
                .service
                .as_ref()
                .is_none_or(|name| *name == log.name)
        })
        .collect();
    if wanted.is_empty() {
        let names: Vec<&str> = all.iter().map(|log| log.name.as_str()).collect();
        bail!(
            "there is no log of {:?}; there are {}",
            options.service.as_deref().unwrap_or_default(),
            names.join(", ")
        );
    }
    let prefixed = wanted.len() > 1;
    let mut followed = Vec::new();
    for log in wanted {
        // Where to go on is looked at before the lines are read: a line may then come twice, but never get lost.
        followed.push(Followed {
            prefix: if prefixed {
                format!("{} | ", log.name)
            } else {
                String::new()
            },
            path: log.path.clone(),
            seen: length(&log.path),
            rest: Vec::new(),
        });
        let lines = tail(&log.path, options.lines);
        let Some(last) = followed.last() else {
            continue;
        };
        let text: String = lines
            .iter()
            .map(|line| format!("{}{line}\n", last.prefix))
            .collect();
        if print(&text).is_err() {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if !options.follow {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        for log in &mut followed {
            // The reader has gone: that is the usual way to end this.
            if print(&log.news().unwrap_or_default()).is_err() {
                return Ok(ExitCode::SUCCESS);
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

struct Log {
    name: String,
    path: PathBuf,
}

fn logs(folder: &Path) -> Vec<Log> {
    let mut logs: Vec<Log> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry
                .file_name()
                .into_string()
                .ok()?
                .strip_suffix(".log")?
                .to_owned();
            Some(Log {
                name,
                path: entry.path(),
            })
        })
        .collect();
    logs.sort_by(|a, b| a.name.cmp(&b.name));
    logs
}

struct Followed {
    prefix: String,
    path: PathBuf,
    seen: u64,
    // A line that is not complete yet.
    rest: Vec<u8>,
}

impl Followed {
    fn news(&mut self) -> io::Result<String> {
        let length = length(&self.path);
        if length < self.seen {
            // The next mall has begun a new file.
            self.seen = 0;
            self.rest.clear();
        }
        if length == self.seen {
            return Ok(String::new());
        }
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.seen))?;
        let count = file.take(1024 * 1024).read_to_end(&mut self.rest)?;
        self.seen += u64::try_from(count).unwrap_or_default();
        let complete = self
            .rest
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..complete).collect();
        Ok(String::from_utf8_lossy(&lines)
            .lines()
            .map(|line| format!("{}{line}\n", self.prefix))
            .collect())
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path)
        .map(|meta| meta.len())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mall_testkit::Scratch;

    use super::*;

    #[test]
    fn a_followed_log_gives_whole_lines_once_and_starts_over_with_a_new_file() {
        let scratch = Scratch::new("logs").unwrap();
        let path = scratch.path().join("users.log");
        fs::write(&path, "old\n").unwrap();
        let mut log = Followed {
            prefix: "users | ".into(),
            path: path.clone(),
            seen: 4,
            rest: Vec::new(),
        };
        assert_eq!(log.news().unwrap(), "");
        fs::write(&path, "old\none\ntw").unwrap();
        assert_eq!(log.news().unwrap(), "users | one\n");
        fs::write(&path, "old\none\ntwo\n").unwrap();
        assert_eq!(log.news().unwrap(), "users | two\n");
        fs::write(&path, "new\n").unwrap();
        assert_eq!(log.news().unwrap(), "users | new\n");
    }

    #[test]
    fn logs_of_the_mall_before_are_not_listed() {
        let scratch = Scratch::new("list").unwrap();
        for name in ["users.log", "users.log.before", "carts.log"] {
            fs::write(scratch.path().join(name), "").unwrap();
        }
        let names: Vec<String> = logs(scratch.path())
            .into_iter()
            .map(|log| log.name)
            .collect();
        assert_eq!(names, ["carts", "users"]);
    }
}
