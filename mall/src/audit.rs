//! `audit`: builds the program that reads MySQL and Redis, and lets it look at the mall. It is a program of its own so that this one
//! needs neither database nor Redis client to be built.

use std::process::{ExitCode, Stdio};

use anyhow::bail;
use mall_testkit::mall::cargo;

use crate::child::run_to_end;
use crate::cli::Audit;
use crate::home::Home;

pub fn run(options: &Audit) -> anyhow::Result<ExitCode> {
    let home = Home::find()?;
    let (mysql, redis) = match (&options.mysql, &options.redis) {
        (Some(mysql), Some(redis)) => (mysql.clone(), redis.clone()),
        _ => {
            let state = home.supervisor().and_then(|_| home.state());
            let Some(state) = state.filter(|state| !state.mysql.is_empty()) else {
                bail!("no mall is running; say --mysql and --redis to look at another one");
            };
            (state.mysql, state.redis)
        }
    };
    let mut command = cargo(&home.root);
    command
        .args(["run", "--quiet", "--package", "mall-audit", "--"])
        .args(["--mysql", &mysql, "--redis", &redis])
        .args(options.json.then_some("--json"))
        .stdin(Stdio::null());
    run_to_end(&mut command)
}
