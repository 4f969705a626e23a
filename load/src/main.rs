//! The benches of `cargo mall bench`. Reading order: [`cli`], [`drop`] and [`journey`] (the benches), [`wire`] and [`fire`] (the loader), [`verdict`]
//! (what came of it), [`sweep`] and [`effort`] (what an order costs), [`limits`] (what the box itself can do), [`ground`] (on which servers), [`place`] (at which mall), [`report`].

mod cli;
mod drop;
mod effort;
mod fire;
mod ground;
mod journey;
mod limits;
mod local;
mod place;
mod report;
mod sweep;
mod tally;
mod verdict;
mod wire;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

/// As in the programs that it measures and, for `limits`, is.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = cli::Cli::parse().command;
    let run = || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let text = runtime.block_on(run(&command));
        // What a phase may have left behind keeps nobody waiting.
        runtime.shutdown_background();
        std::io::stdout().write_all(text?.as_bytes())?;
        Ok(())
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// What goes to standard output.
async fn run(command: &cli::Command) -> anyhow::Result<String> {
    let as_json = |value: serde_json::Value| format!("{value:#}\n");
    Ok(match command {
        cli::Command::Drop(options) => {
            let report = drop::run(options).await?;
            if options.json {
                as_json(report.to_json())
            } else {
                report.to_text()
            }
        }
        cli::Command::Journey(options) => {
            let report = journey::run(options).await?;
            if options.json {
                as_json(report.to_json())
            } else {
                report.to_text()
            }
        }
        cli::Command::Limits(options) => {
            let ground = ground::Ground::find(options.state.as_deref()).await?;
            let tokens = local::tokens(&ground.tokens, 1000);
            let limits = limits::measure(
                &ground,
                &tokens,
                &options.parts(),
                options.phase(),
                options.ledger_rows,
            )
            .await?;
            if options.json {
                as_json(limits.to_json())
            } else {
                limits.lines().join("\n") + "\n"
            }
        }
    })
}

/// Progress, on stderr.
fn say(text: &str) {
    // When nobody reads it there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}
