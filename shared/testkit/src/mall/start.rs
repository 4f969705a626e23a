//! Starting in the order of the dependencies, as parallel as they allow, and stopping in reverse.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::environment::{self, Addresses};
use super::plan::Plan;
use super::service::{SERVICES, Service};
use super::{Event, Mall, demo_data, health};
use crate::mail::MailCatcher;
use crate::mariadb::{self, MariaDb, MariaDbSettings};
use crate::ports;
use crate::process::{Launch, Process, tail};
use crate::redis_server::{Redis, RedisSettings};
use crate::server::{Probe, Server};

/// How long a service may take to finish what is in flight.
const GRACE: Duration = Duration::from_secs(15);

impl Mall {
    /// Starts everything. On failure nothing is left running.
    pub fn start(plan: Plan, on_event: &(dyn Fn(Event) + Sync)) -> anyhow::Result<Mall> {
        plan.check()?;
        fs::create_dir_all(plan.log_folder())?;
        let mail = MailCatcher::start(([127, 0, 0, 1], 0).into(), &plan.mail_folder())
            .context("the mail catcher can't be started")?;
        let at = Addresses {
            mysql: plan.mysql_port.map_or_else(ports::free_port, Ok)?,
            redis: plan.redis_port.map_or_else(ports::free_port, Ok)?,
            mail: mail.address().port(),
            config_server: ports::free_port()?,
            registry: ports::free_port()?,
            gateway: plan.gateway_port.map_or_else(ports::free_port, Ok)?,
        };
        let infra = timed("MariaDB and Redis", on_event, || {
            start_infrastructure(&plan, &at)
        })?;
        // From here on all that was started is in `mall`, whose drop leaves nothing behind.
        let mut mall = Mall {
            servers: infra,
            mail,
            plan,
        };
        for service in &SERVICES {
            let count = mall.plan.instances.get(service.name).copied().unwrap_or(1);
            for number in 1..=count {
                let port = match (service.name, number) {
                    ("config-server", _) => at.config_server,
                    ("registry", _) => at.registry,
                    ("gateway", 1) => at.gateway,
                    _ => ports::free_port()?,
                };
                mall.servers
                    .push(instance(&mall.plan, &at, service, number, port)?);
            }
        }
        timed("config server and registry", on_event, || {
            for name in ["config-server", "registry"] {
                let server = mall.server(name).context("not in the list of services")?;
                server.start()?;
                server.wait_ready(mall.plan.deadline, &|| mall.plan.is_cancelled())?;
            }
            anyhow::Ok(())
        })?;
        timed("services", on_event, || {
            start_services(&mall)?;
            health::wait(&mall, mall.plan.deadline, on_event, &|| {
                mall.plan.is_cancelled()
            })
        })?;
        if mall.plan.demo_data {
            timed("demo data", on_event, || {
                demo_data::load(&mall).context("the demo data can't be loaded")
            })?;
        }
        Ok(mall)
    }
}

fn timed<T>(
    step: &str,
    on_event: &(dyn Fn(Event) + Sync),
    work: impl FnOnce() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    on_event(Event::Began {
        step: step.to_owned(),
    });
    let began = Instant::now();
    let value = work()?;
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    on_event(Event::Done {
        step: step.to_owned(),
        millis,
    });
    Ok(value)
}

fn start_infrastructure(plan: &Plan, at: &Addresses) -> anyhow::Result<Vec<Arc<Server>>> {
    let mysql_log = fresh_log(&plan.log_folder(), "mysql")?;
    let redis_log = fresh_log(&plan.log_folder(), "redis")?;
    std::thread::scope(|scope| {
        let redis = scope.spawn(|| {
            Redis::start_with(&RedisSettings {
                log: redis_log,
                port: Some(at.redis),
                throwaway: plan.throwaway,
                ..RedisSettings::new(&plan.home.join("redis"))
            })
        });
        let mariadb = MariaDb::prepare(&MariaDbSettings {
            log: mysql_log,
            port: Some(at.mysql),
            throwaway: plan.throwaway,
            init_sql: environment::schemas_and_users(SERVICES.iter()),
            ..MariaDbSettings::new(&plan.home.join("mysql"))
        })?;
        mariadb.server().start()?;
        mariadb
            .server()
            .wait_ready(mariadb::READY, &|| plan.is_cancelled())?;
        let redis = redis
            .join()
            .map_err(|_| anyhow::anyhow!("the thread that starts Redis panicked"))??;
        Ok(vec![
            Arc::clone(mariadb.server()),
            Arc::clone(redis.server()),
        ])
    })
}

fn instance(
    plan: &Plan,
    at: &Addresses,
    service: &Service,
    number: u16,
    port: u16,
) -> anyhow::Result<Arc<Server>> {
    let name = service.instance_name(number);
    let program = plan.programs.join(service.package);
    ensure!(program.is_file(), "{} is not built", program.display());
    let launch = Launch {
        env: environment::of_instance(plan, at, service, &name, port),
        log: fresh_log(&plan.log_folder(), &name)?,
        name,
        program,
        arg0: None,
        args: Vec::new(),
        dir: plan.home.clone(),
    };
    Ok(Server::new(
        launch,
        port,
        Probe::Http("/actuator/health".into()),
        GRACE,
    ))
}

/// An empty log; the one of the run before is kept beside it.
fn fresh_log(folder: &Path, name: &str) -> anyhow::Result<std::path::PathBuf> {
    let log = folder.join(format!("{name}.log"));
    if log.exists() {
        fs::rename(&log, folder.join(format!("{name}.log.before")))?;
    }
    fs::File::create(&log)?;
    Ok(log)
}

/// All at once: each waits for what it needs by itself. Those with a schema first bring it up to date.
fn start_services(mall: &Mall) -> anyhow::Result<()> {
    let cancelled = || mall.plan.is_cancelled();
    std::thread::scope(|scope| {
        let mut starts = Vec::new();
        for service in SERVICES.iter().filter(|service| service.app.is_some()) {
            starts.push(scope.spawn(move || -> anyhow::Result<()> {
                let instances = mall
                    .instances()
                    .filter(|server| Service::of_instance(server.name()) == Some(service));
                for (at, server) in instances.enumerate() {
                    if service.schema && at == 0 {
                        migrate(server, mall.plan.deadline, &cancelled)?;
                    }
                    server.start()?;
                }
                Ok(())
            }));
        }
        for start in starts {
            start
                .join()
                .map_err(|_| anyhow::anyhow!("a thread that starts a service panicked"))??;
        }
        Ok(())
    })
}

fn migrate(server: &Server, timeout: Duration, cancelled: &dyn Fn() -> bool) -> anyhow::Result<()> {
    let mut launch = server.launch().clone();
    launch.args = vec!["migrate".into()];
    let process = Process::spawn(&launch)?;
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = process.wait(Duration::from_millis(100)) {
            if status.success() {
                return Ok(());
            }
            bail!(
                "{} migrate failed ({status}){}",
                server.name(),
                server.log_end()
            );
        }
        if cancelled() {
            bail!("cancelled while {} was migrating", server.name());
        }
        if Instant::now() > deadline {
            let last = tail(&launch.log, 1).pop().unwrap_or_default();
            bail!(
                "{} migrate did not end within {} s; its last line: {last}",
                server.name(),
                timeout.as_secs()
            );
        }
    }
}

/// Each group at once, the groups one after the other: who is called outlives who calls.
pub(super) fn stop(servers: &[Arc<Server>], on_event: &(dyn Fn(Event) + Sync)) {
    let group = |server: &Server| match server.name() {
        "mysql" => 5,
        "redis" => 4,
        "config-server" => 3,
        "registry" => 2,
        name if name.starts_with("gateway") => 0,
        _ => 1,
    };
    for (number, step) in [
        "gateway",
        "services",
        "registry",
        "config server",
        "Redis",
        "MariaDB",
    ]
    .into_iter()
    .enumerate()
    {
        let stopped = timed(step, on_event, || {
            std::thread::scope(|scope| {
                for server in servers.iter().filter(|server| group(server) == number) {
                    scope.spawn(|| server.stop());
                }
            });
            Ok(())
        });
        debug_assert!(stopped.is_ok());
    }
}
