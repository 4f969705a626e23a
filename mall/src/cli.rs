//! What can be said to `cargo mall`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The mall on this machine.
#[derive(Debug, Parser)]
#[command(
    name = "cargo mall",
    bin_name = "cargo mall",
    version,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build and start everything, with demo data, and wait until it is healthy
    ///
    /// Starts a private MariaDB and Redis with their data under .mall/ (installing Debian's packages if they are missing and
    /// that is allowed) and the nine programs. Ctrl-C stops all of it in order.
    Up(Up),
    /// Stop everything in order
    Down,
    /// Show the services, their state and memory. Exit code 0 when all are healthy, 1 when not (with --json always 0)
    Status {
        /// As JSON: {"healthy", "gateway", "registry", "config_server", "redis", "mysql", "mail", "admin", "services"}
        #[arg(long)]
        json: bool,
    },
    /// Show the logs of all services or of one (also mysql, redis and supervisor)
    Logs(Logs),
    /// Check the laws of the running mall from MySQL and Redis alone. Exit code 0 when all hold, 1 when not, another when that
    /// can't be known
    ///
    /// Nothing may be under way: what is between two services looks broken for a moment.
    Audit(Audit),
    /// Fire at the running mall and say what came of it: `cargo mall bench drop --help`
    ///
    /// What follows is given to the loader, which is built when it is needed.
    #[command(disable_help_flag = true)]
    Bench(Bench),
    /// Make shoppers in bulk in the running mall and write an access token of each to a file
    ///
    /// They are buyer-1@mall.test and so on, verified, all with the same password; what is there already is kept. Only a mall of the
    /// profile local has this.
    Seed(Seed),
    /// Run all tests of the workspace against a MariaDB and a Redis of their own
    ///
    /// What follows is given to `cargo test`: names of tests, `-p mall-stock`, `-- --nocapture`.
    #[command(disable_help_flag = true)]
    Test {
        /// Arguments for `cargo test`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// The process that holds a running mall
    #[command(hide = true)]
    Supervisor {
        /// What to start, as JSON
        order: String,
    },
}

#[derive(Debug, Args)]
pub struct Up {
    /// Return when everything is healthy and leave it running
    #[arg(long)]
    pub detach: bool,
    /// The gateway's port; all others are chosen freely
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Build and run optimised programs
    #[arg(long)]
    pub release: bool,
    /// Several instances of a service: stock=2 (may be repeated, or separated by commas)
    #[arg(long, value_name = "SERVICE=N", value_delimiter = ',', value_parser = instances)]
    pub instances: Vec<(String, u16)>,
    /// Leave an empty shop empty
    #[arg(long)]
    pub no_demo_data: bool,
}

impl Up {
    pub fn instance_counts(&self) -> BTreeMap<String, u16> {
        self.instances.iter().cloned().collect()
    }
}

#[derive(Debug, Args)]
pub struct Audit {
    /// As JSON: {"audit": "ok" or [what broke], "products", "supplied", ...}
    #[arg(long)]
    pub json: bool,
    /// Another mall's MySQL, of a user who may read all schemas, without a schema
    #[arg(long, value_name = "URL", requires = "redis")]
    pub mysql: Option<String>,
    /// Another mall's Redis
    #[arg(long, value_name = "URL", requires = "mysql")]
    pub redis: Option<String>,
}

#[derive(Debug, Args)]
pub struct Bench {
    /// Build the loader quickly instead of well: its numbers are worth less
    #[arg(long)]
    pub dev: bool,
    /// Which bench, and its options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Seed {
    /// How many
    #[arg(long, default_value_t = 2_000)]
    pub buyers: u32,
    /// Where the tokens go, one a line
    #[arg(long, value_name = "FILE")]
    pub tokens: PathBuf,
    /// The password of each
    #[arg(long)]
    pub password: Option<String>,
}

#[derive(Debug, Args)]
pub struct Logs {
    /// Whose; all without it
    pub service: Option<String>,
    /// Keep showing what is added
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last lines of each log
    #[arg(short = 'n', long, default_value_t = 200)]
    pub lines: usize,
}

fn instances(text: &str) -> Result<(String, u16), String> {
    let (service, count) = text.split_once('=').ok_or("say it like stock=2")?;
    let count = count
        .parse()
        .map_err(|_| format!("{count:?} is no number of instances"))?;
    Ok((service.to_owned(), count))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn instances_are_read_in_both_forms() {
        let parse = |args: &[&str]| match Cli::try_parse_from([&["mall", "up"], args].concat())
            .map(|cli| cli.command)
        {
            Ok(Command::Up(up)) => Ok(up.instance_counts()),
            other => Err(format!("{other:?}")),
        };
        let both = parse(&["--instances", "stock=2,orders=3", "--instances", "users=2"]).unwrap();
        assert_eq!(
            both,
            [("orders", 3), ("stock", 2), ("users", 2)]
                .map(|(name, count)| (name.to_owned(), count))
                .into()
        );
        assert!(
            parse(&["--instances", "stock"])
                .unwrap_err()
                .contains("stock=2")
        );
        assert!(
            parse(&["--instances", "stock=x"])
                .unwrap_err()
                .contains("no number")
        );
    }

    #[test]
    fn all_after_test_goes_to_cargo() {
        let cli = Cli::try_parse_from([
            "mall",
            "test",
            "-p",
            "mall-stock",
            "lock",
            "--",
            "--nocapture",
        ])
        .unwrap();
        let Command::Test { args } = cli.command else {
            panic!("{cli:?}")
        };
        assert_eq!(args, ["-p", "mall-stock", "lock", "--", "--nocapture"]);
    }
}
