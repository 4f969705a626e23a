//! The folder `.mall/`: data, logs, mails, the state of a running mall, and the locks by which commands know of each other.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use mall_testkit::mall::workspace_root;

use crate::state::State;

/// A mall's folder, and the clone it belongs to.
#[derive(Clone, Debug)]
pub struct Home {
    pub root: PathBuf,
    pub folder: PathBuf,
}

/// Held by whoever runs, or is about to run, the mall of a folder; the system lets go of it when that process ends, however it does.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "held, not read")] File);

impl Home {
    /// `.mall` at the root of the clone, or where `MALL_HOME` says.
    pub fn find() -> anyhow::Result<Home> {
        let root = workspace_root()?;
        let moved = std::env::var_os("MALL_HOME").filter(|home| !home.is_empty());
        let folder = match moved {
            Some(home) => std::path::absolute(PathBuf::from(home))?,
            None => root.join(".mall"),
        };
        Ok(Home { root, folder })
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    pub fn state_file(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// The state that a supervisor has written; whether that supervisor still runs is another question.
    pub fn state(&self) -> Option<State> {
        let text = fs::read(self.state_file()).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Replaces the state as a whole: a reader sees the old one or the new one.
    pub fn write_state(&self, state: &State) -> anyhow::Result<()> {
        let half_done = self.folder.join(".state.json.tmp");
        fs::write(&half_done, serde_json::to_vec_pretty(state)?)?;
        fs::rename(half_done, self.state_file())?;
        Ok(())
    }

    pub fn remove_state(&self) {
        // An absent one is what we want.
        let _ = fs::remove_file(self.state_file());
    }

    /// The supervisor's process id, while one runs.
    pub fn supervisor(&self) -> Option<u32> {
        holder(&self.folder.join("supervisor.lock"))
    }

    /// The process id of an `up` that is still preparing.
    pub fn preparing(&self) -> Option<u32> {
        holder(&self.folder.join("up.lock"))
    }

    /// For the supervisor: this mall is mine.
    pub fn hold_for_supervisor(&self) -> anyhow::Result<Held> {
        hold(&self.folder.join("supervisor.lock"))?.context("this mall runs already")
    }

    /// For `up`: I am preparing to start this mall.
    pub fn hold_for_up(&self) -> anyhow::Result<Held> {
        fs::create_dir_all(self.logs())
            .with_context(|| format!("{} can't be made", self.logs().display()))?;
        match hold(&self.folder.join("up.lock"))? {
            Some(held) => Ok(held),
            None => bail!(
                "another `cargo mall up` (process {}) is starting this mall",
                self.preparing().unwrap_or_default()
            ),
        }
    }
}

fn hold(path: &Path) -> anyhow::Result<Option<Held>> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    // A command that only looks holds the lock for a moment, too.
    let deadline = Instant::now() + Duration::from_secs(1);
    while file.try_lock().is_err() {
        if Instant::now() > deadline {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    file.set_len(0)?;
    file.write_all(std::process::id().to_string().as_bytes())?;
    Ok(Some(Held(file)))
}

/// Who holds it. The number in a file that nobody holds is a dead process, or by now another program.
fn holder(path: &Path) -> Option<u32> {
    let mut file = File::open(path).ok()?;
    if file.try_lock_shared().is_ok() {
        return None;
    }
    let mut pid = String::new();
    file.read_to_string(&mut pid).ok()?;
    pid.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use mall_testkit::Scratch;

    use super::*;

    #[test]
    fn a_lock_tells_its_holder_and_ends_with_it() {
        let scratch = Scratch::new("home").unwrap();
        let home = Home {
            root: scratch.path().into(),
            folder: scratch.path().join("deep/.mall"),
        };
        assert_eq!(home.preparing(), None);
        let held = home.hold_for_up().unwrap();
        assert_eq!(home.preparing(), Some(std::process::id()));
        assert!(
            home.hold_for_up()
                .unwrap_err()
                .to_string()
                .contains(&std::process::id().to_string())
        );
        drop(held);
        assert_eq!(home.preparing(), None);
        home.hold_for_up().unwrap();
    }

    #[test]
    fn a_broken_state_is_no_state() {
        let scratch = Scratch::new("state").unwrap();
        let home = Home {
            root: scratch.path().into(),
            folder: scratch.path().into(),
        };
        assert!(home.state().is_none());
        fs::write(home.state_file(), "{\"supervisor\":").unwrap();
        assert!(home.state().is_none());
    }
}
