//! `mall-audit --mysql URL --redis URL [--json]`: exit code 0 when every law holds, 1 when not, 2 when that can't be known.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};

struct Asked {
    mysql: String,
    redis: String,
    json: bool,
}

fn asked(mut args: impl Iterator<Item = String>) -> anyhow::Result<Asked> {
    let (mut mysql, mut redis, mut json) = (None, None, false);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--mysql" => mysql = args.next(),
            "--redis" => redis = args.next(),
            "--json" => json = true,
            other => bail!("{other:?}: say --mysql URL --redis URL [--json]"),
        }
    }
    Ok(Asked {
        mysql: mysql.context("--mysql URL is missing")?,
        redis: redis.context("--redis URL is missing")?,
        json,
    })
}

fn audit() -> anyhow::Result<ExitCode> {
    let asked = asked(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(mall_audit::run(&asked.mysql, &asked.redis))?;
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
