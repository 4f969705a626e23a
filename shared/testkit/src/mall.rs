//! The whole mall on this machine: MariaDB, Redis, a mail catcher and the nine programs, as `cargo mall up` and the system
//! tests run it.
//!
//! [`Plan`] says what to start and where, [`Mall::start`] starts it and returns when a shopper could buy, [`Mall::stop`] stops it in
//! reverse order. Whoever wants crashed services back calls [`Mall::keep_up`] again and again.

mod build;
mod demo_data;
mod environment;
mod health;
mod plan;
mod service;
mod start;

pub use build::{Build, Built, build_programs, cargo, workspace_root};
pub use environment::beside;
pub use plan::{Admin, Plan};
pub use service::{SERVICES, Service};

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mail::MailCatcher;
use crate::proc;
use crate::server::{Activity, Server};

/// What happens while a mall starts and stops, for whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A step began.
    Began {
        /// What is being done.
        step: String,
    },
    /// It is done.
    Done {
        /// The same text as when it began.
        step: String,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// Who is still missing before the mall is up.
    Waiting {
        /// Names of instances.
        missing: Vec<String>,
    },
    /// Something to know.
    Notice {
        /// One line.
        text: String,
    },
}

/// One of the nine programs, as `status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// `users`, `stock-2`.
    pub name: String,
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    /// `UP`, `STARTING`, `DOWN` (runs but is not healthy), `RESTARTING` (crashed), `STOPPED`.
    pub state: String,
    /// Its resident memory in bytes, while it runs.
    pub rss_bytes: Option<u64>,
    /// How long it took from its start to healthy, in milliseconds.
    pub start_millis: Option<u64>,
    /// How often it crashed and was started again.
    pub restarts: u32,
}

/// A mall that runs. Dropping it kills all of it; [`Mall::stop`] is the orderly way.
#[derive(Debug)]
pub struct Mall {
    plan: Plan,
    // In the order in which they are started.
    servers: Vec<Arc<Server>>,
    mail: MailCatcher,
}

impl Mall {
    /// The process called so: `mysql`, `redis`, or a service's instance (`users`, `stock-2`).
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&Arc<Server>> {
        self.servers.iter().find(|server| server.name() == name)
    }

    /// The running instances of the nine programs, in the order of their start.
    pub fn instances(&self) -> impl Iterator<Item = &Arc<Server>> {
        self.servers
            .iter()
            .filter(|server| !matches!(server.name(), "mysql" | "redis"))
    }

    fn url_of(&self, name: &str) -> String {
        self.server(name)
            .map(|server| server.url())
            .unwrap_or_default()
    }

    /// Where shoppers come in.
    #[must_use]
    pub fn gateway_url(&self) -> String {
        self.url_of("gateway")
    }

    /// The registry.
    #[must_use]
    pub fn registry_url(&self) -> String {
        self.url_of("registry")
    }

    /// The config server.
    #[must_use]
    pub fn config_server_url(&self) -> String {
        self.url_of("config-server")
    }

    /// MariaDB, as root, without a schema.
    #[must_use]
    pub fn mysql_url(&self) -> String {
        self.server("mysql")
            .map(|server| format!("mysql://root@127.0.0.1:{}", server.port()))
            .unwrap_or_default()
    }

    /// Redis.
    #[must_use]
    pub fn redis_url(&self) -> String {
        self.server("redis")
            .map(|server| format!("redis://127.0.0.1:{}/", server.port()))
            .unwrap_or_default()
    }

    /// Where mails are kept as files.
    #[must_use]
    pub fn mail_folder(&self) -> PathBuf {
        self.plan.mail_folder()
    }

    /// While away, the mail catcher takes nothing.
    pub fn set_mail_away(&self, away: bool) {
        self.mail.set_away(away);
    }

    /// Where the mail catcher listens.
    #[must_use]
    pub fn mail_address(&self) -> std::net::SocketAddr {
        self.mail.address()
    }

    /// The administrator's login.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        &self.plan.admin
    }

    /// The log of an instance.
    #[must_use]
    pub fn log(&self, name: &str) -> Option<&Path> {
        self.server(name)
            .map(|server| server.launch().log.as_path())
    }

    /// What `status` shows. `healthy` is asked of each running instance, at most half a second for all.
    #[must_use]
    pub fn view(&self) -> Vec<InstanceView> {
        std::thread::scope(|scope| {
            let views: Vec<_> = self
                .instances()
                .map(|server| scope.spawn(|| view(server)))
                .collect();
            views
                .into_iter()
                .filter_map(|view| view.join().ok())
                .collect()
        })
    }

    /// Starts crashed servers again, with growing pauses. Call it every tenth of a second; gives the lines for the log.
    pub fn keep_up(&self) -> Vec<String> {
        self.servers
            .iter()
            .filter_map(|server| server.keep_up())
            .collect()
    }

    /// Waits until every instance is up again, in the registry and by its own word.
    pub fn wait_healthy(&self, timeout: Duration) -> anyhow::Result<()> {
        health::wait(self, timeout, &|_| {}, &|| false)
    }

    /// Stops everything in the reverse order of its start: gateway, services, registry, config server, Redis, MariaDB.
    pub fn stop(&self, on_event: &(dyn Fn(Event) + Sync)) {
        start::stop(&self.servers, on_event);
    }
}

impl Drop for Mall {
    fn drop(&mut self) {
        for server in self.servers.iter().rev() {
            server.kill();
        }
    }
}

fn view(server: &Arc<Server>) -> InstanceView {
    let pid = server.pid();
    let state = match server.activity() {
        Activity::Restarting => "RESTARTING",
        Activity::Stopped => "STOPPED",
        Activity::Running if server.is_ready() => "UP",
        Activity::Running if server.ready_after().is_none() => "STARTING",
        Activity::Running => "DOWN",
    };
    InstanceView {
        name: server.name().to_owned(),
        pid,
        url: server.url(),
        state: state.to_owned(),
        rss_bytes: pid.and_then(proc::resident_bytes),
        start_millis: server
            .ready_after()
            .and_then(|time| u64::try_from(time.as_millis()).ok()),
        restarts: server.restarts(),
    }
}

/// `a, b and c`.
fn listed(names: &[String]) -> String {
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        let glue = if at == 0 {
            ""
        } else if at + 1 == names.len() {
            " and "
        } else {
            ", "
        };
        let _ = write!(text, "{glue}{name}");
    }
    text
}
