//! A simulator of Toss Payments' core API, for development: see `docs/payments.md`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mall_payments::toss_simulator::{Options, Simulator};

/// Plays Toss Payments.
#[derive(Parser)]
#[command(name = "mall-toss-simulator")]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    /// The address to listen on; the simulator has no secrets, and asks nobody for a password.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// The shop's secret key.
    #[arg(long, default_value = "test_sk_simulator")]
    secret_key: String,
    /// Where webhooks go, such as http://localhost:8080/payment/webhooks/toss.
    #[arg(long)]
    webhook_url: Option<String>,
    /// What webhooks are signed with; without it they are not, as Toss's about payments.
    #[arg(long)]
    webhook_key: Option<String>,
    /// A file that keeps the ledger; without it it is in memory.
    #[arg(long)]
    ledger: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    mall_telemetry::init(mall_telemetry::LogSettings {
        service: "toss-simulator".into(),
        json: false,
        filter: "info".into(),
    });
    let arguments = Arguments::parse();
    let options = Options {
        address: SocketAddr::new(arguments.address, arguments.port),
        secret_key: arguments.secret_key,
        webhook_url: arguments.webhook_url,
        webhook_key: arguments.webhook_key,
        ledger: arguments.ledger,
    };
    match Simulator::start(options, mall_clock::system()).await {
        Ok(simulator) => {
            tracing::info!(url = simulator.url(), "Toss's simulator is there");
            simulator.run().await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(error = %error, "could not start");
            ExitCode::FAILURE
        }
    }
}
