//! `bench`: builds the loader, optimised, and lets it fire at the mall. It is a program of its own so that this one stays light.

use std::process::{ExitCode, Stdio};

use mall_testkit::mall::cargo;

use crate::child::run_to_end;
use crate::cli::Bench;
use crate::home::Home;

pub fn run(options: &Bench) -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let mut command = cargo(&home.root);
    command.args(["run", "--package", "mall-load"]);
    if !options.dev {
        command.arg("--release");
    }
    command.arg("--").args(&options.args).stdin(Stdio::null());
    if home.supervisor().is_some() {
        command.env("MALL_STATE", home.state_file());
    }
    run_to_end(&mut command)
}
