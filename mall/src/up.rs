//! `up`: prepares, lets a supervisor start everything, and shows how that goes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::{Context, bail};
use mall_testkit::mall::{Build, Plan, build_programs};
use mall_testkit::unix::{self, Signal, StopSignals};
use mall_testkit::{ports, process};

use crate::cli::Up;
use crate::home::Home;
use crate::packages;
use crate::screen::{Screen, print, seconds, table};
use crate::state::{Message, Order, State};

pub fn run(options: Up) -> anyhow::Result<ExitCode> {
    let signals = StopSignals::hold_back()?;
    let supervisor = Arc::new(AtomicU32::new(0));
    stop_on_signal(signals, Arc::clone(&supervisor))?;

    let home = Home::find()?;
    let mut screen = Screen::new();
    refuse_what_cannot_work(&home, &options)?;
    let held = home.hold_for_up()?;
    if let Some(state) = home.state() {
        screen.line(&format!(
            "the mall before (supervisor {}) did not stop in order; its data is kept",
            state.supervisor
        ));
        home.remove_state();
    }
    packages::ensure(&mut screen)?;
    let programs = build(&home, options.release, &mut screen)?;

    // From here on it is the mall's own time, as promised from built programs.
    let mut screen = Screen::new();
    let order = Order {
        programs,
        gateway_port: options.port,
        instances: options.instance_counts(),
        demo_data: !options.no_demo_data,
        attached: !options.detach,
    };
    let mut child = start_supervisor(&home, &order)?;
    supervisor.store(child.id(), Ordering::SeqCst);
    let lines = BufReader::new(child.stdout.take().context("no pipe from the supervisor")?).lines();
    let mut verb = "starting";
    let mut ready = false;
    let mut held = Some(held);
    for line in lines {
        let Ok(message) = serde_json::from_str::<Message>(&line?) else {
            continue;
        };
        match message {
            Message::Event(event) => screen.show(verb, &event),
            Message::Ready(state) => {
                screen.clear();
                held = None;
                ready = true;
                // Events from now on are about its end.
                verb = "stopping";
                let shown = print(&welcome(&home, &state, &screen.summary(), options.detach));
                if options.detach {
                    shown?;
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Message::Failed(reason) => {
                screen.clear();
                // It has stopped what it had started.
                let _ = child.wait();
                bail!("{reason}");
            }
            Message::Stopped => {
                screen.clear();
                screen.line("stopped");
                let _ = child.wait();
                drop(held);
                return Ok(if ready {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                });
            }
        }
    }
    screen.clear();
    let end = process::tail(&home.logs().join("supervisor.log"), 20).join("\n");
    bail!(
        "the supervisor ended unexpectedly ({}), and everything with it\n{end}",
        child.wait()?
    );
}

fn refuse_what_cannot_work(home: &Home, options: &Up) -> anyhow::Result<()> {
    if let Some(pid) = home.supervisor() {
        let gateway = home
            .state()
            .map(|state| state.gateway)
            .filter(|gateway| !gateway.is_empty());
        let where_it_is = gateway.map_or_else(
            || "it is starting or stopping".into(),
            |gateway| format!("its gateway is {gateway}"),
        );
        bail!(
            "the mall runs already (supervisor {pid}), {where_it_is}; `cargo mall down` stops it"
        );
    }
    let mut plan = Plan::new(&home.root, &home.folder, &home.folder);
    plan.instances = options.instance_counts();
    plan.check()?;
    if !ports::is_free(options.port) {
        bail!(
            "port {} is taken by another program; choose another one with --port",
            options.port
        );
    }
    Ok(())
}

fn build(home: &Home, release: bool, screen: &mut Screen) -> anyhow::Result<PathBuf> {
    // Under `cargo mall test`, where everything is built already.
    if let Some(programs) = std::env::var_os("MALL_PROGRAMS") {
        return Ok(programs.into());
    }
    let began = Instant::now();
    let width = Screen::is_terminal().then_some(80);
    let what = if release {
        Build::Release
    } else {
        Build::Debug
    };
    let built = build_programs(&home.root, what, width, &mut |piece| {
        // Cargo's last word says nothing that we don't say.
        if !String::from_utf8_lossy(piece).contains("Finished") {
            screen.raw(piece);
        }
    })?;
    if built.compiled {
        screen.line(&format!("built in {}", seconds(began.elapsed())));
    }
    Ok(built.programs)
}

fn start_supervisor(home: &Home, order: &Order) -> anyhow::Result<Child> {
    let log = File::create(home.logs().join("supervisor.log"))?;
    // Where Linux lets us: this very program, even when a build has replaced its file by now.
    let this_program = PathBuf::from("/proc/self/exe");
    let this_program = if this_program.exists() {
        this_program
    } else {
        std::env::current_exe()?
    };
    let mut command = Command::new(this_program);
    command
        .arg("supervisor")
        .arg(serde_json::to_string(order)?)
        .env("MALL_HOME", &home.folder)
        .current_dir(&home.root)
        // An attached supervisor stops when this pipe ends, that is, with us.
        .stdin(if order.attached {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .stderr(log);
    if std::env::var_os(THREADS).is_none() {
        command.env(THREADS, threads().to_string());
    }
    unix::own_session(&mut command);
    command.spawn().context("the supervisor can't be started")
}

/// The programs' own name for how many threads of each serve requests.
const THREADS: &str = "TOKIO_WORKER_THREADS";

/// Half of the processors for each program. A request goes through two of them or more, and all share one machine: with a thread for
/// each processor everywhere they mostly wake one another.
fn threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    (processors / 2).max(1)
}

/// Ctrl-C before there is a supervisor ends us (and cargo, which the terminal tells as well); after that it asks the supervisor to
/// stop everything in order, and the second time to die at once, which the system makes everything else do, too.
fn stop_on_signal(signals: StopSignals, supervisor: Arc<AtomicU32>) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut asked = false;
            loop {
                signals.wait();
                let pid = supervisor.load(Ordering::SeqCst);
                if pid == 0 {
                    std::process::exit(130);
                }
                // It may have ended by itself, and then there is nothing to stop.
                let _ = unix::signal(
                    pid,
                    if asked {
                        Signal::Kill
                    } else {
                        Signal::Terminate
                    },
                );
                asked = true;
            }
        })?;
    Ok(())
}

fn welcome(home: &Home, state: &State, took: &str, detached: bool) -> String {
    let table = table(&state.services);
    let State {
        gateway,
        admin,
        mail,
        mysql,
        redis,
        ..
    } = state;
    let here = std::env::current_dir().unwrap_or_default();
    let short = |path: &std::path::Path| {
        path.strip_prefix(&here)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    let stop = if detached {
        "`cargo mall down` stops it"
    } else {
        "Ctrl-C stops it"
    };
    let (mails, logs) = (short(mail), short(&home.logs()));
    format!(
        "
The mall is up, after {took}.

{table}
gateway  {gateway}
admin    {email} / {password}
mails    {mails}/*.eml
logs     {logs}/*.log, or `cargo mall logs [service]`
MariaDB  {mysql}
Redis    {redis}

Try:
  curl {gateway}/product/allproduct
  curl {gateway}/auth/signup --json '{{\"email\":\"kim@example.com\",\"password\":\"shopper1!\"}}'   # then open the link in {mails}
  curl {gateway}/auth/login --json '{{\"email\":\"{email}\",\"password\":\"{password}\"}}'

{stop}.
",
        email = admin.email,
        password = admin.password,
    )
}
