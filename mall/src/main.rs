//! `cargo mall`: starts the whole mall on this machine, looks at it, stops it, and runs its tests.
//!
//! Reading order: [`cli`], [`up`] (what a person sees), [`supervisor`] (the process that holds everything), [`home`] (the folder
//! `.mall/` through which they and the other commands know of each other). What starts the programs is `mall_testkit::mall`.

mod audit;
mod bench;
mod child;
mod cli;
mod down;
mod home;
mod logs;
mod packages;
mod screen;
mod seed;
mod state;
mod status;
mod supervisor;
mod test_run;
mod up;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::screen::complain;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Up(options) => up::run(options),
        Command::Down => down::run(),
        Command::Status { json } => status::run(json),
        Command::Logs(options) => logs::run(&options),
        Command::Audit(options) => audit::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Seed(options) => seed::run(&options),
        Command::Test { args } => test_run::run(&args),
        Command::Supervisor { order } => supervisor::run(&order),
    };
    result.unwrap_or_else(|error| {
        complain(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}
