//! One child process that can't outlive us.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use crate::unix::{self, Signal};

/// How to start a program. Its output, both streams, is appended to `log`.
#[derive(Clone, Debug)]
pub struct Launch {
    /// How people call it: `users`, `stock-2`, `mysql`.
    pub name: String,
    /// The program's file.
    pub program: PathBuf,
    /// The name the program sees itself called by, where it is not its file's.
    pub arg0: Option<String>,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Set on top of what [`inherited_environment`] lets through.
    pub env: BTreeMap<String, String>,
    /// The folder it runs in.
    pub dir: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
}

impl Launch {
    /// The command, ready to be spawned, tied to the thread that will spawn it.
    fn command(&self) -> io::Result<Command> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = Command::new(&self.program);
        if let Some(arg0) = &self.arg0 {
            std::os::unix::process::CommandExt::arg0(&mut command, arg0);
        }
        command
            .args(&self.args)
            .env_clear()
            .envs(inherited_environment())
            .envs(&self.env)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        unix::tie_to_parent(&mut command);
        Ok(command)
    }
}

/// What a child sees of our own environment: all but cargo's own variables, proxies (everything here is on loopback) and
/// the addresses of other servers.
pub fn inherited_environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy().to_ascii_uppercase();
        let foreign = name.starts_with("CARGO")
            || name.starts_with("RUSTUP_")
            || name.ends_with("_PROXY")
            || matches!(
                name.as_str(),
                "DATABASE_URL" | "REDIS_URL" | "MALL_HOME" | "MALL_PROGRAMS" | "LD_LIBRARY_PATH"
            );
        !foreign
    })
}

/// A running or ended child. Dropping it kills the child.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    started: Instant,
    end: Arc<End>,
}

#[derive(Debug, Default)]
struct End {
    status: Mutex<Option<ExitStatus>>,
    changed: Condvar,
}

impl End {
    fn lock(&self) -> MutexGuard<'_, Option<ExitStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Starts it. A thread of its own spawns the child and waits for it: the kernel ties a child to its parent's *thread*, and
    /// the thread of a test ends long before the process does.
    pub fn spawn(launch: &Launch) -> io::Result<Process> {
        let mut command = launch.command()?;
        let end = Arc::new(End::default());
        let (report, started) = mpsc::sync_channel(1);
        let waiter_end = Arc::clone(&end);
        std::thread::Builder::new()
            .name(format!("child {}", launch.name))
            .spawn(move || match command.spawn() {
                Ok(child) => {
                    // Nobody listening means that our caller's thread is gone: the child is then killed by the drop of its handle.
                    let _ = report.send(Ok(child.id()));
                    drop(report);
                    await_end(child, &waiter_end);
                }
                Err(error) => drop(report.send(Err(error))),
            })?;
        let pid = started.recv().map_err(io::Error::other)?.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{} can't be started: {error}", launch.program.display()),
            )
        })?;
        Ok(Process {
            name: launch.name.clone(),
            pid,
            started: Instant::now(),
            end,
        })
    }

    /// How people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id; of an ended one, the id it had.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When it was spawned.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    /// How it ended, if it has.
    #[must_use]
    pub fn exited(&self) -> Option<ExitStatus> {
        *self.end.lock()
    }

    /// Waits for its end, at most `timeout`.
    #[must_use]
    pub fn wait(&self, timeout: Duration) -> Option<ExitStatus> {
        let guard = self.end.lock();
        let (guard, _) = self
            .end
            .changed
            .wait_timeout_while(guard, timeout, |status| status.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        *guard
    }

    /// Sends a signal, unless it has ended. Never reaches another process that was given the same id: the child is reaped
    /// under the same lock.
    pub fn signal(&self, signal: Signal) {
        let status = self.end.lock();
        if status.is_none() {
            // It can only fail for a child that is ending right now.
            let _ = unix::signal(self.pid, signal);
        }
    }

    /// Asks it to stop and waits up to `grace`, then kills it. `Some` says how it ended, `None` that even SIGKILL did not end
    /// it within five seconds (a process stuck in the kernel).
    pub fn stop(&self, grace: Duration) -> Option<ExitStatus> {
        self.signal(Signal::Terminate);
        // A frozen process would never see the request.
        self.signal(Signal::Resume);
        if let Some(status) = self.wait(grace) {
            return Some(status);
        }
        self.kill()
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&self) -> Option<ExitStatus> {
        self.signal(Signal::Kill);
        self.wait(Duration::from_secs(5))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn await_end(mut child: Child, end: &End) {
    let waited = unix::wait_without_reaping(child.id());
    let mut status = end.lock();
    // Reaped under the lock that senders of signals hold. Without the first wait (which should not happen) this one blocks
    // them until the child ends; a wrong target is the worse evil.
    debug_assert!(waited.is_ok());
    *status = Some(child.wait().unwrap_or_default());
    end.changed.notify_all();
}

/// The last lines of a log, at most `lines`; empty when there is none.
#[must_use]
pub fn tail(log: &Path, lines: usize) -> Vec<String> {
    const ENOUGH: u64 = 64 * 1024;
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH)))?;
        let mut bytes = Vec::new();
        file.take(ENOUGH).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    all.iter()
        .skip(all.len().saturating_sub(lines))
        .map(|line| (*line).to_owned())
        .collect()
}
