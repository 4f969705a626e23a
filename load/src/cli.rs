//! What can be said to `cargo mall bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::journey::Journey;
use crate::limits::Part;
use crate::place;

#[derive(Debug, Parser)]
#[command(name = "cargo mall bench", bin_name = "cargo mall bench")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// A limited edition opens and everybody orders one piece
    Drop(Drop),
    /// What a warm mall does: stock reads and orders of one hot product, beside a bare axum answer
    Journey(Journey),
    /// What this machine can do at all: on the servers of the mall that runs here, or on its own when none does
    Limits(Limits),
}

#[derive(Debug, Args)]
pub struct Limits {
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Part>,
    /// Of each measurement
    #[arg(long, default_value_t = PHASE.as_secs(), value_parser = clap::value_parser!(u64).range(1..=60))]
    pub seconds: u64,
    /// Measure reservations in process once more after so many old ones were put into the ledger
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    pub ledger_rows: u32,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// The state file of the mall that runs here
    #[arg(long, hide = true, env = "MALL_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// Of each measurement of limits.
pub const PHASE: Duration = Duration::from_secs(3);

impl Limits {
    pub fn parts(&self) -> Vec<Part> {
        if self.only.is_empty() {
            Part::value_variants().to_vec()
        } else {
            self.only.clone()
        }
    }

    pub fn phase(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[derive(Debug, Args)]
pub struct Drop {
    /// How many people try to buy, once each
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub buyers: u32,
    /// Pieces of each product
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub stock: u32,
    /// How many of them try at the same moment, each over a connection that is kept
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub connections: u32,
    /// How many products open
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub products: u32,
    /// So many orders per second by plan, whether or not earlier ones were answered; latency counts from the planned start
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,
    /// Before it, for each of these numbers of connections a drop of its own that sells out to as many buyers: what an order costs
    #[arg(long, value_name = "CONNECTIONS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub sweep: Vec<u32>,
    /// Nobody starts an order later than this after the opening
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub seconds: u64,
    #[command(flatten)]
    pub place: place::Options,
    /// As JSON
    #[arg(long)]
    pub json: bool,
    /// Measure first what this machine can do at all (needs the local mall)
    #[arg(long, conflicts_with = "base")]
    pub limits: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
