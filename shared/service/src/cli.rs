//! The command line of every program.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mall_auth::TokenKeys;
use mall_clock::SharedClock;
use mall_db::Db;

use crate::healthcheck::healthcheck;
use crate::settings::BadSettings;
use crate::{App, boot};

/// Settings that the program can't start with (sysexits: EX_USAGE).
const BAD_SETTINGS: u8 = 64;

#[derive(Parser)]
#[command(
    version,
    about = "A program of the mall",
    disable_help_subcommand = true
)]
struct Cli<T: Subcommand> {
    #[command(subcommand)]
    command: Option<Command<T>>,
}

#[derive(Subcommand)]
enum Command<T: Subcommand> {
    /// Serve (the default).
    Serve,
    /// Bring the database's schema up to date, then end.
    Migrate,
    /// Read the settings, say what is wrong with them, then end.
    CheckConfig,
    /// Ask the instance that runs on this machine's `server.port` whether it is alive, then end.
    Healthcheck,
    #[command(flatten)]
    Own(T),
}

/// What a program can be told to do besides what every program can.
pub trait Tool<A: App>: Subcommand + Send {
    /// Does it and ends.
    fn run(self, given: Given<A::Config>) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// What a [`Tool`] works with.
pub struct Given<C> {
    /// The program's own settings.
    pub config: C,
    /// The time of day.
    pub clock: SharedClock,
    /// Its database, reachable and of the wanted schema; with `Needs::mysql`.
    pub db: Option<Db>,
    /// Signs and verifies the tokens of people; with `Needs::tokens`.
    pub tokens: Option<TokenKeys>,
    /// Whether the profile `local` is active.
    pub local: bool,
}

/// Nothing more.
#[derive(Subcommand)]
enum NoTool {}

impl<A: App> Tool<A> for NoTool {
    async fn run(self, _: Given<A::Config>) -> anyhow::Result<()> {
        match self {}
    }
}

/// Runs a program: `fn main() -> ExitCode { mall_service::run::<Carts>() }`.
pub fn run<A: App>() -> ExitCode {
    run_with::<A, NoTool>()
}

/// Runs a program that has commands of its own.
pub fn run_with<A: App, T: Tool<A>>() -> ExitCode {
    let cli = Cli::<T>::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Blocking work is rare here (password hashes, files): idle threads are given back.
        .thread_keep_alive(std::time::Duration::from_secs(5))
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return complain(A::NAME, &error.into()),
    };
    let outcome = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Serve) {
            Command::Serve => boot::serve::<A>().await,
            Command::Migrate => boot::migrate::<A>().await,
            Command::CheckConfig => boot::check_config::<A>().await,
            Command::Healthcheck => healthcheck::<A>().await,
            Command::Own(tool) => boot::tool::<A, T>(tool).await,
        }
    });
    // What still runs in a blocking thread does not keep the program alive.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    mall_telemetry::flush();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(A::NAME, &error),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the program ends with this line; logs may not be set up yet"
)]
fn complain(name: &str, error: &anyhow::Error) -> ExitCode {
    eprintln!("{name}: {error:#}");
    if error.is::<BadSettings>() {
        ExitCode::from(BAD_SETTINGS)
    } else {
        ExitCode::FAILURE
    }
}
