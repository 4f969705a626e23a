//! `mall-audit [--mysql URL] [--redis URL] [--json]`: exit code 0 when every law holds, 1 when not, 2 when that can't be known.
//!
//! What is not said comes from the environment, where a command line would show passwords: see [`servers`].

mod servers;

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;

use crate::servers::Servers;

#[derive(Debug, Default)]
struct Asked {
    mysql: Option<String>,
    redis: Option<String>,
    json: bool,
}

fn asked(mut args: impl Iterator<Item = String>) -> anyhow::Result<Asked> {
    let mut asked = Asked::default();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--mysql" => asked.mysql = args.next(),
            "--redis" => asked.redis = args.next(),
            "--json" => asked.json = true,
            other => bail!("{other:?}: say [--mysql URL] [--redis URL] [--json]"),
        }
    }
    Ok(asked)
}

fn audit() -> anyhow::Result<ExitCode> {
    let asked = asked(std::env::args().skip(1))?;
    let Servers { mysql, redis } =
        servers::servers(asked.mysql, asked.redis, |name| std::env::var(name).ok())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(mall_audit::run_on(mysql, &redis, mall_audit::ORPHAN_AGE))?;
    let text = if asked.json {
        format!("{:#}\n", report.to_json())
    } else {
        report.to_string()
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if report.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn main() -> ExitCode {
    audit().unwrap_or_else(|error| {
        // When nobody reads us there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "mall-audit: {error:#}");
        ExitCode::from(2)
    })
}
