//! The few calls into the operating system that Rust's standard library has no safe form of.
//!
//! All `unsafe` of the testkit is in this file; each block says why it is sound.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The signals that we send or wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Please stop (SIGTERM).
    Terminate,
    /// Stop at once (SIGKILL).
    Kill,
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// The terminal has gone (SIGHUP).
    HangUp,
    /// Freeze (SIGSTOP).
    Pause,
    /// Thaw (SIGCONT).
    Resume,
}

impl Signal {
    fn number(self) -> libc::c_int {
        match self {
            Signal::Terminate => libc::SIGTERM,
            Signal::Kill => libc::SIGKILL,
            Signal::Interrupt => libc::SIGINT,
            Signal::HangUp => libc::SIGHUP,
            Signal::Pause => libc::SIGSTOP,
            Signal::Resume => libc::SIGCONT,
        }
    }
}

/// Sends a signal to one process. Fails when there is no such process or it is not ours.
pub fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    if pid <= 0 {
        return Err(io::Error::other("not a process id"));
    }
    // SAFETY: kill takes two integers and touches no memory of ours; the check above keeps it to one process.
    match unsafe { libc::kill(pid, signal.number()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Blocks until the child has ended, and leaves it to be reaped, so that its process id can't be given to another process yet.
pub fn wait_without_reaping(pid: u32) -> io::Result<()> {
    loop {
        // SAFETY: siginfo_t is plain data for which all zeroes is a valid value, and the pointer lives through the call.
        let code = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            libc::waitid(
                libc::P_PID,
                pid,
                &raw mut info,
                libc::WEXITED | libc::WNOWAIT,
            )
        };
        if code == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Lets signals reach the child, though [`StopSignals::hold_back`] may hold them back here: a child inherits that.
pub fn let_signals_through(command: &mut Command) {
    // SAFETY: the closure runs between fork and exec; sigemptyset and pthread_sigmask are async-signal-safe, and the set is a
    // local that is initialised before it is read.
    unsafe {
        command.pre_exec(|| {
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            match libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) {
                0 => Ok(()),
                code => Err(io::Error::from_raw_os_error(code)),
            }
        });
    }
}

/// Makes the child die with the *thread* that spawns it, in a process group of its own, so that Ctrl-C in a terminal reaches
/// only us and nothing outlives us, however we end.
pub fn tie_to_parent(command: &mut Command) {
    let_signals_through(command);
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = std::process::id();
        // SAFETY: the closure runs between fork and exec and makes only async-signal-safe system calls; it allocates nothing.
        unsafe {
            command.pre_exec(move || {
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) != 0 {
                    return Err(io::Error::last_os_error());
                }
                // The parent may have died before the line above: then nobody would ever send the signal.
                if u32::try_from(libc::getppid()).ok() != Some(parent) {
                    return Err(io::Error::from_raw_os_error(libc::ESRCH));
                }
                Ok(())
            });
        }
    }
}

/// Starts the child in a session of its own: it keeps running when the terminal goes away.
pub fn own_session(command: &mut Command) {
    // SAFETY: setsid is async-signal-safe and the closure does nothing else.
    unsafe {
        command.pre_exec(|| match libc::setsid() {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
}

/// The stop signals of this process, taken in by [`StopSignals::wait`] instead of ending it.
#[derive(Debug)]
pub struct StopSignals(());

impl StopSignals {
    /// Call first thing in `main`: threads inherit what is held back here, so none of them may exist before.
    pub fn hold_back() -> io::Result<StopSignals> {
        let set = stop_set();
        // SAFETY: the set is initialised and lives through the call; the old mask is not asked for.
        match unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut())
        } {
            0 => Ok(StopSignals(())),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// Blocks until one of SIGINT, SIGTERM and SIGHUP comes.
    pub fn wait(&self) -> Signal {
        let set = stop_set();
        loop {
            let mut number: libc::c_int = 0;
            // SAFETY: both pointers are to initialised locals that live through the call.
            let code = unsafe { libc::sigwait(&raw const set, &raw mut number) };
            match (code, number) {
                (0, libc::SIGINT) => return Signal::Interrupt,
                (0, libc::SIGTERM) => return Signal::Terminate,
                (0, libc::SIGHUP) => return Signal::HangUp,
                _ => {}
            }
        }
    }
}

fn stop_set() -> libc::sigset_t {
    // SAFETY: sigset_t is plain data; sigemptyset initialises it before anything reads it.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGINT);
        libc::sigaddset(&raw mut set, libc::SIGTERM);
        libc::sigaddset(&raw mut set, libc::SIGHUP);
        set
    }
}

/// Calls `function` when this process ends by `exit` (also at the end of a test run, where statics are not dropped).
pub fn at_exit(function: extern "C" fn()) {
    // SAFETY: the function is a plain extern "C" function and stays valid for the life of the program.
    unsafe {
        libc::atexit(function);
    }
}

/// True when this process runs as root.
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: geteuid can't fail and touches no memory.
    unsafe { libc::geteuid() == 0 }
}
