//! What to start, and where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use serde::{Deserialize, Serialize};

use super::service::SERVICES;

/// The administrator's login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// E-mail.
    pub email: String,
    /// Password, in clear: it is a demo.
    pub password: String,
}

/// What to start, and where. Make one with [`Plan::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The clone: `config-repo/` is read there.
    pub root: PathBuf,
    /// Everything that is written goes here: data, logs, mails.
    pub home: PathBuf,
    /// The folder of the built programs.
    pub programs: PathBuf,
    /// The gateway's port; a free one when absent.
    pub gateway_port: Option<u16>,
    /// MariaDB's port; a free one when absent.
    pub mysql_port: Option<u16>,
    /// Redis' port; a free one when absent.
    pub redis_port: Option<u16>,
    /// How many instances of a service, where it is not one.
    pub instances: BTreeMap<String, u16>,
    /// Settings by environment, by service (`orders`) or instance (`stock-2`) or for all (`*`). They win over everything.
    pub env: BTreeMap<String, BTreeMap<String, String>>,
    /// Fill an empty shop with demo products.
    pub demo_data: bool,
    /// The data need not survive a power cut. For tests.
    pub throwaway: bool,
    /// How long the services may take until all are healthy.
    pub deadline: Duration,
    /// The administrator's login.
    pub admin: Admin,
    /// Set it to give up starting.
    pub cancelled: Arc<AtomicBool>,
}

impl Plan {
    /// One instance of each, a free gateway port, no demo data, durable.
    #[must_use]
    pub fn new(root: &Path, home: &Path, programs: &Path) -> Plan {
        Plan {
            root: root.to_owned(),
            home: home.to_owned(),
            programs: programs.to_owned(),
            gateway_port: None,
            mysql_port: None,
            redis_port: None,
            instances: BTreeMap::new(),
            env: BTreeMap::new(),
            demo_data: false,
            throwaway: false,
            deadline: Duration::from_secs(60),
            admin: Admin {
                email: "admin@mall.example".into(),
                password: "demo-admin-1!".into(),
            },
            cancelled: Arc::default(),
        }
    }

    /// The logs' folder.
    #[must_use]
    pub fn log_folder(&self) -> PathBuf {
        self.home.join("logs")
    }

    /// The mails' folder.
    #[must_use]
    pub fn mail_folder(&self) -> PathBuf {
        self.home.join("mail")
    }

    /// Whether somebody wants us to give up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Refuses what can't be started, in one line.
    pub fn check(&self) -> anyhow::Result<()> {
        for (name, count) in &self.instances {
            let Some(service) = SERVICES.iter().find(|service| service.name == name) else {
                let names: Vec<&str> = SERVICES.iter().map(|service| service.name).collect();
                bail!(
                    "there is no service {name:?}; the services are {}",
                    names.join(", ")
                );
            };
            if *count == 0 || *count > 20 {
                bail!("{count} instances of {name}: choose 1 to 20");
            }
            if *count > 1 && !service.replicas {
                bail!("{name} runs once only");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senseless_instances_are_refused() {
        let check = |name: &str, count: u16| {
            let mut plan = Plan::new(Path::new("/"), Path::new("/"), Path::new("/"));
            plan.instances.insert(name.into(), count);
            plan.check().map_err(|error| error.to_string())
        };
        assert_eq!(check("stock", 2), Ok(()));
        assert!(check("shop", 1).unwrap_err().contains("no service"));
        assert!(check("stock", 0).unwrap_err().contains("choose 1 to 20"));
        assert!(check("registry", 2).unwrap_err().contains("once only"));
    }
}
