//! `test`: all tests of the workspace, with the servers they need.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use anyhow::Context;
use mall_testkit::mall::{Build, build_programs, cargo};
use mall_testkit::mariadb::{MariaDb, MariaDbSettings};
use mall_testkit::redis_server::{Redis, RedisSettings};
use mall_testkit::unix::{self, Signal, StopSignals};
use mall_testkit::{Scratch, programs};

use crate::child;
use crate::home::Home;
use crate::packages;
use crate::screen::{Screen, seconds};

pub fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let signals = StopSignals::hold_back()?;
    let running = Arc::new(AtomicU32::new(0));
    pass_on(signals, Arc::clone(&running))?;

    let home = Home::find()?;
    let mut screen = Screen::new();
    packages::ensure(&mut screen)?;
    let width = Screen::is_terminal().then_some(80);
    let everything = !chooses_packages(args);
    let what = if everything {
        Build::WithTests
    } else {
        Build::Debug
    };
    let built = build_programs(&home.root, what, width, &mut |piece| screen.raw(piece))?;

    let began = Instant::now();
    let scratch = Scratch::new("tests")?;
    let mariadb = MariaDb::start_with(&MariaDbSettings {
        throwaway: true,
        max_connections: 1_000,
        buffer_pool_mib: 128,
        ..MariaDbSettings::new(&scratch.path().join("mysql"))
    })?;
    let redis = Redis::start_with(&RedisSettings {
        throwaway: true,
        ..RedisSettings::new(&scratch.path().join("redis"))
    })?;
    screen.line(&format!(
        "servers for the tests: {}",
        seconds(began.elapsed())
    ));
    for program in [programs::sql_server(), programs::redis_server()] {
        if let Some(version) = program.and_then(|program| program.version()) {
            screen.line(&format!("  {version}"));
        }
    }

    let mut command = cargo(&home.root);
    command.arg("test");
    if everything {
        command.arg("--workspace");
    }
    command
        .args(args)
        .env("DATABASE_URL", mariadb.url_root())
        .env("REDIS_URL", redis.url())
        .env("MALL_PROGRAMS", &built.programs)
        .env_remove("MALL_HOME");
    let began = Instant::now();
    let mut tests = command.spawn().context("cargo can't be started")?;
    running.store(tests.id(), Ordering::SeqCst);
    let code = child::code(tests.wait()?);
    redis.stop();
    mariadb.stop();
    screen.line(&format!("tests took {}", seconds(began.elapsed())));
    Ok(ExitCode::from(code))
}

/// Cargo takes no `--workspace` beside a package.
fn chooses_packages(args: &[String]) -> bool {
    let own = args.iter().take_while(|arg| *arg != "--");
    own.into_iter().any(|arg| {
        arg.starts_with("-p")
            || arg.starts_with("--package")
            || arg == "--workspace"
            || arg == "--all"
    })
}

/// The terminal tells cargo of Ctrl-C as it tells us; other signals come to us alone. We stay until cargo has ended, to stop the
/// servers.
fn pass_on(signals: StopSignals, child: Arc<AtomicU32>) -> anyhow::Result<()> {
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            loop {
                let signal = signals.wait();
                match child.load(Ordering::SeqCst) {
                    0 => std::process::exit(130),
                    pid if signal != Signal::Interrupt => {
                        drop(unix::signal(pid, Signal::Terminate))
                    }
                    _ => {}
                }
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_chosen_before_the_dashes_only() {
        let chooses = |args: &[&str]| {
            chooses_packages(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
        };
        assert!(
            chooses(&["-p", "mall-stock"])
                && chooses(&["-pmall-stock"])
                && chooses(&["--package=mall-stock"])
        );
        assert!(!chooses(&[]) && !chooses(&["lock"]) && !chooses(&["lock", "--", "-p"]));
    }
}
