//! A child that becomes ready, and may be stopped, killed and started again on the same port with the same data.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::process::{Launch, Process, tail};
use crate::unix::Signal;
use crate::{http, ports};

/// How to see that a server does its work.
#[derive(Clone, Debug)]
pub enum Probe {
    /// MariaDB greets whoever connects, once it is ready and has run its start-up statements.
    MySqlGreeting,
    /// Redis answers PING (with an error while it still loads its data).
    RedisPing,
    /// GET on this path answers 200.
    Http(String),
}

/// One server of the mall.
#[derive(Debug)]
pub struct Server {
    launch: Launch,
    port: u16,
    probe: Probe,
    grace: Duration,
    run: Mutex<Run>,
}

#[derive(Debug, Default)]
struct Run {
    process: Option<Arc<Process>>,
    wanted: bool,
    restarts: u32,
    started: u32,
    ready_after: Option<Duration>,
    next_try: Option<Instant>,
}

/// What a server is doing, as `status` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Its process runs.
    Running,
    /// It crashed and will be started again.
    Restarting,
    /// It was stopped, or never started.
    Stopped,
}

/// All servers ever made by this process, for its exit handler.
static ALL: Mutex<Vec<Weak<Server>>> = Mutex::new(Vec::new());

/// Kills every server that still runs; for the exit of this process.
pub(crate) fn kill_all() {
    let all = ALL
        .try_lock()
        .map(|mut all| std::mem::take(&mut *all))
        .unwrap_or_default();
    for server in all.iter().filter_map(Weak::upgrade) {
        if let Some(process) = server.process() {
            process.kill();
        }
    }
}

impl Server {
    /// Does not start it yet. `grace` is how long it may take to stop before it is killed.
    #[must_use]
    pub fn new(launch: Launch, port: u16, probe: Probe, grace: Duration) -> Arc<Server> {
        let server = Arc::new(Server {
            launch,
            port,
            probe,
            grace,
            run: Mutex::new(Run::default()),
        });
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|server| server.strong_count() > 0);
        all.push(Arc::downgrade(&server));
        server
    }

    fn run(&self) -> MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How people call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.launch.name
    }

    /// The loopback port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How it is started.
    #[must_use]
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// `http://127.0.0.1:<port>`, for those that speak HTTP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The id of its process, while that runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process()
            .filter(|process| process.exited().is_none())
            .map(|process| process.pid())
    }

    /// How long its last start took until it was ready.
    #[must_use]
    pub fn ready_after(&self) -> Option<Duration> {
        self.run().ready_after
    }

    /// How often it was started again after it had ended by itself.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.run().restarts
    }

    /// What it is doing.
    #[must_use]
    pub fn activity(&self) -> Activity {
        let run = self.run();
        let runs = run
            .process
            .as_ref()
            .is_some_and(|process| process.exited().is_none());
        match (runs, run.wanted) {
            (true, _) => Activity::Running,
            (false, true) => Activity::Restarting,
            (false, false) => Activity::Stopped,
        }
    }

    fn process(&self) -> Option<Arc<Process>> {
        self.run().process.clone()
    }

    /// Starts it, unless it runs. Does not wait until it is ready.
    pub fn start(&self) -> anyhow::Result<()> {
        let mut run = self.run();
        if run
            .process
            .as_ref()
            .is_some_and(|process| process.exited().is_none())
        {
            return Ok(());
        }
        // Whoever listens there would answer our probes in the place of a server that is about to fail.
        ensure!(
            ports::is_free(self.port),
            "{} can't be started: port {} is taken by another program",
            self.name(),
            self.port
        );
        run.wanted = true;
        run.ready_after = None;
        run.started += 1;
        run.process = Some(Arc::new(Process::spawn(&self.launch)?));
        Ok(())
    }

    /// Waits until it is ready. Fails when it ends instead, or at the deadline, or when `cancelled` says so.
    pub fn wait_ready(
        &self,
        timeout: Duration,
        cancelled: &dyn Fn() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + timeout;
        loop {
            let process = self
                .process()
                .with_context(|| format!("{} was not started", self.name()))?;
            if self.is_ready() {
                // Another process on its port could answer in its place while it fails to start.
                if process.exited().is_none() {
                    self.note_ready();
                    return Ok(());
                }
            }
            if cancelled() {
                bail!("cancelled while {} was starting", self.name());
            }
            self.check_runs()?;
            if Instant::now() > deadline {
                bail!(
                    "{} was not ready within {} s{}{}",
                    self.name(),
                    timeout.as_secs(),
                    self.last_words(),
                    self.log_end()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Fails, with the end of its log, when its process has ended.
    pub fn check_runs(&self) -> anyhow::Result<()> {
        let process = self
            .process()
            .with_context(|| format!("{} was not started", self.name()))?;
        match process.exited() {
            Some(status) => bail!(
                "{} ended while starting ({status}){}",
                self.name(),
                self.log_end()
            ),
            None => Ok(()),
        }
    }

    /// Remembers when it was first seen ready since its start.
    pub fn note_ready(&self) {
        let mut run = self.run();
        if let Some(process) = run.process.clone() {
            run.ready_after.get_or_insert(process.started().elapsed());
        }
    }

    /// Whether it answers its probe now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let timeout = Duration::from_millis(500);
        match &self.probe {
            Probe::Http(path) => http::get(&format!("{}{path}", self.url()), timeout)
                .is_ok_and(|reply| reply.status == 200),
            // The first byte after the packet's length and number is the protocol version; an error packet starts with 255.
            Probe::MySqlGreeting => exchange(self.port, b"", 5, timeout)
                .is_some_and(|greeting| greeting.get(4) == Some(&10)),
            Probe::RedisPing => exchange(self.port, b"PING\r\n", 7, timeout)
                .is_some_and(|answer| answer == b"+PONG\r\n"),
        }
    }

    /// What it says of itself when it is not ready, as a line to append to a message.
    fn last_words(&self) -> String {
        let Probe::Http(path) = &self.probe else {
            return String::new();
        };
        match http::get(&format!("{}{path}", self.url()), Duration::from_secs(1)) {
            Ok(reply) => format!(
                "\nGET {path} answers {}: {:.2000}",
                reply.status,
                reply.text()
            ),
            Err(error) => format!("\nGET {path} is not answered: {error}"),
        }
    }

    /// The end of its log, as a block to append to a message.
    #[must_use]
    pub fn log_end(&self) -> String {
        let lines = tail(&self.launch.log, 20);
        let mut text = format!("\n--- the end of {} ---", self.launch.log.display());
        for line in lines {
            text.push('\n');
            text.push_str(&line);
        }
        if text.ends_with("---") {
            text.push_str("\n(it is empty)");
        }
        text
    }

    /// Stops it in order: SIGTERM, then SIGKILL when it takes too long. Says how it ended; `None` when it was never started.
    pub fn stop(&self) -> Option<std::process::ExitStatus> {
        self.run().wanted = false;
        self.process()?.stop(self.grace)
    }

    /// SIGKILL. It stays dead until [`Server::start`].
    pub fn kill(&self) {
        self.run().wanted = false;
        if let Some(process) = self.process() {
            process.kill();
        }
    }

    /// Freezes it with SIGSTOP: connections are still accepted, nothing is answered.
    pub fn pause(&self) {
        if let Some(process) = self.process() {
            process.signal(Signal::Pause);
        }
    }

    /// Ends [`Server::pause`].
    pub fn resume(&self) {
        if let Some(process) = self.process() {
            process.signal(Signal::Resume);
        }
    }

    /// For a supervisor, to be called often: starts it again when it has ended by itself, after a pause that doubles with each
    /// crash in a row (0.1 s up to 10 s). Says what it did, for the log.
    pub fn keep_up(&self) -> Option<String> {
        let mut run = self.run();
        if !run.wanted {
            return None;
        }
        let process = run.process.clone()?;
        let Some(status) = process.exited() else {
            let unseen = run.ready_after.is_none();
            drop(run);
            if unseen && self.is_ready() {
                self.note_ready();
            }
            return None;
        };
        let now = Instant::now();
        let Some(next_try) = run.next_try else {
            if process.started().elapsed() > Duration::from_secs(30) {
                run.started = 1;
            }
            let doublings = run.started.saturating_sub(1).min(7);
            let pause = Duration::from_millis(100)
                .saturating_mul(1 << doublings)
                .min(Duration::from_secs(10));
            run.next_try = Some(now + pause);
            return Some(format!(
                "{} ended by itself ({status}); starting it again in {} ms",
                self.name(),
                pause.as_millis()
            ));
        };
        if now < next_try {
            return None;
        }
        run.next_try = None;
        run.restarts += 1;
        drop(run);
        self.start()
            .err()
            .map(|error| format!("{} can't be started again: {error:#}", self.name()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends `request` and reads exactly `length` bytes of the answer, if they come in time.
fn exchange(port: u16, request: &[u8], length: usize, timeout: Duration) -> Option<Vec<u8>> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, timeout).ok()?;
    stream.set_read_timeout(Some(timeout)).ok()?;
    stream.set_write_timeout(Some(timeout)).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}
