//! `seed`: lets the user service's own command make shoppers in the mall that runs here.

use std::process::{ExitCode, Stdio};

use anyhow::{Context, bail};
use mall_testkit::mall::{SERVICES, beside, cargo};

use crate::child::run_to_end;
use crate::cli::Seed;
use crate::home::Home;

pub fn run(options: &Seed) -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let state = home.supervisor().and_then(|_| home.state());
    let Some(state) = state.filter(|state| !state.mysql.is_empty()) else {
        bail!("no mall is running: cargo mall up");
    };
    let users = SERVICES.iter().find(|service| service.name == "users");
    let users = users.context("there is a user service")?;
    let mut command = cargo(&home.root);
    command
        .args(["run", "--quiet", "--package", users.package, "--", "seed"])
        .args(["--buyers", &options.buyers.to_string()])
        .arg("--tokens")
        .arg(std::path::absolute(&options.tokens)?)
        .args(
            options
                .password
                .iter()
                .flat_map(|password| ["--password", password]),
        )
        .envs(beside(
            users,
            &state.mysql,
            &state.redis,
            &state.config_server,
        ))
        .stdin(Stdio::null());
    run_to_end(&mut command)
}
