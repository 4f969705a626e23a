//! `mall-mail-catcher [--smtp ADDRESS] [--web ADDRESS] [--folder FOLDER] [--keep N]`, and `mall-mail-catcher healthcheck`.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use mall_mail_catcher::{Mailbox, router};
use mall_testkit::http;
use mall_testkit::mail::MailCatcher;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Parser)]
#[command(
    version,
    about = "Takes mails, delivers none, shows them on a page",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where it takes mails
    #[arg(long, env = "MAIL_CATCHER_SMTP", default_value = "0.0.0.0:1025")]
    smtp: SocketAddr,
    /// Where it shows them
    #[arg(long, env = "MAIL_CATCHER_WEB", default_value = "0.0.0.0:8025")]
    web: SocketAddr,
    /// Where they lie, one file each
    #[arg(long, env = "MAIL_CATCHER_FOLDER", default_value = "/mail")]
    folder: PathBuf,
    /// How many are kept; the oldest go
    #[arg(long, env = "MAIL_CATCHER_KEEP", default_value_t = 500)]
    keep: usize,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Run (the default).
    Serve,
    /// Ask the one that runs here whether it is alive, then end.
    Healthcheck,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(cli),
        Command::Healthcheck => healthcheck(cli.web),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Before anything else: a signal during the start ends the start.
        let mut term = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let catcher = MailCatcher::start(cli.smtp, &cli.folder)
            .with_context(|| format!("{}, {}", cli.smtp, cli.folder.display()))?;
        let web = TcpListener::bind(cli.web)
            .await
            .with_context(|| cli.web.to_string())?;
        let mailbox = Mailbox::new(cli.folder, cli.keep);
        say(&format!(
            "mails to {}, page at http://{}",
            catcher.address(),
            web.local_addr()?
        ));
        tokio::select! {
            served = axum::serve(web, router(mailbox.clone())) => served?,
            never = mailbox.keep_small(Duration::from_secs(2)) => match never {},
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

fn healthcheck(web: SocketAddr) -> anyhow::Result<()> {
    let host = if web.ip().is_unspecified() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        web.ip()
    };
    let url = format!("http://{}/health", SocketAddr::new(host, web.port()));
    let reply = http::get(&url, Duration::from_secs(2))?;
    if reply.status != 200 {
        bail!("{url}: {}", reply.status);
    }
    Ok(())
}

fn say(line: &str) {
    // When nobody reads it there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "mail-catcher: {line}");
}
