//! Folders in the system's temporary folder that are gone after the test run, also after one that was killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

const PREFIX: &str = "mall-scratch-";
const OWNER: &str = "owner.lock";

/// All scratch folders of this process: statics are never dropped, so the exit handler removes what is left.
static OPEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A folder of its own, removed on drop, at the end of the process, or by the next process that makes one.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    // Held while we live: how others see that the folder is in use, whatever process namespace they are in.
    _owner: File,
}

impl Scratch {
    /// Makes the folder. The path is short, fit for Unix sockets.
    pub fn new(label: &str) -> io::Result<Scratch> {
        static FIRST: Once = Once::new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let parent = std::env::temp_dir();
        FIRST.call_once(|| {
            sweep(&parent);
            crate::unix::at_exit(remove_all);
        });
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{PREFIX}{}-{number}-{label}", std::process::id()));
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir(&path)?;
        let owner = File::create(path.join(OWNER))?;
        owner.try_lock().map_err(io::Error::other)?;
        OPEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(path.clone());
        Ok(Scratch {
            path,
            _owner: owner,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        OPEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|path| *path != self.path);
        // What can't be removed now is swept by a later run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

extern "C" fn remove_all() {
    crate::server::kill_all();
    let open = OPEN
        .try_lock()
        .map(|mut open| std::mem::take(&mut *open))
        .unwrap_or_default();
    for path in open {
        let _ = fs::remove_dir_all(path);
    }
}

/// Removes the folders of processes that were killed: old enough to have been locked, and locked no more.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let age = entry
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|time| time.elapsed().ok());
        if ours && age.is_some_and(|age| age > Duration::from_secs(60)) {
            let in_use = File::open(path.join(OWNER)).is_ok_and(|owner| owner.try_lock().is_err());
            if !in_use {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_gone_when_dropped() {
        let scratch = Scratch::new("drop").unwrap();
        let path = scratch.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn the_sweep_takes_what_nobody_holds_and_leaves_the_rest() {
        let parent = Scratch::new("sweep").unwrap();
        let hour_ago = std::fs::metadata(parent.path())
            .unwrap()
            .modified()
            .unwrap()
            - Duration::from_secs(3600);
        let make = |name: &str| {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            let owner = File::create(path.join(OWNER)).unwrap();
            File::open(&path).unwrap().set_modified(hour_ago).unwrap();
            (path, owner)
        };
        let (held, owner) = make("mall-scratch-1-0-held");
        owner.try_lock().unwrap();
        let (dead, _) = make("mall-scratch-2-0-dead");
        let (foreign, _) = make("somebody-elses");
        sweep(parent.path());
        assert!(held.exists() && foreign.exists() && !dead.exists());
    }
}
