//! `down`: asks the supervisor to stop everything, and waits until it has.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use mall_testkit::unix::{self, Signal};

use crate::home::Home;
use crate::screen::Screen;

/// Longer than all parts may take together, each with its own limit.
const PATIENCE: Duration = Duration::from_secs(90);

pub fn run() -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let mut screen = Screen::new();
    let Some(pid) = home.supervisor() else {
        if let Some(preparing) = home.preparing() {
            bail!(
                "no mall runs yet: a `cargo mall up` (process {preparing}) is still building it; stop that with Ctrl-C"
            );
        }
        match home.state() {
            Some(state) => screen.line(&format!(
                "no mall is running; removed what supervisor {} left in .mall/",
                state.supervisor
            )),
            None => screen.line("no mall is running"),
        }
        home.remove_state();
        return Ok(ExitCode::SUCCESS);
    };
    let began = Instant::now();
    screen.began("stopping the mall");
    unix::signal(pid, Signal::Terminate)?;
    while home.supervisor() == Some(pid) {
        if began.elapsed() > PATIENCE {
            screen.line("it takes too long: killing it");
            unix::signal(pid, Signal::Kill)?;
            home.remove_state();
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    screen.done("stopping the mall", began.elapsed());
    Ok(ExitCode::SUCCESS)
}
