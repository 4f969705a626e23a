//! The benches of `cargo mall bench`. Reading order: [`cli`], [`drop`] (the bench), [`wire`] and [`fire`] (the loader), [`verdict`]
//! (what came of it), [`limits`] (what the box itself can do), [`report`].

mod cli;
mod drop;
mod fire;
mod limits;
mod local;
mod report;
mod tally;
mod verdict;
mod wire;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli::Cli {
        command: cli::Command::Drop(options),
    } = cli::Cli::parse();
    let run = || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let report = runtime.block_on(drop::run(&options));
        // What a phase may have left behind keeps nobody waiting.
        runtime.shutdown_background();
        let report = report?;
        let text = if options.json {
            format!("{:#}\n", report.to_json())
        } else {
            report.to_text()
        };
        std::io::stdout().write_all(text.as_bytes())?;
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

/// Progress, on stderr.
fn say(text: &str) {
    // When nobody reads it there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}
