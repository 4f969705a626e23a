//! A mall of its own for a system test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;

use crate::mail;
use crate::mall::{Admin, Build, InstanceView, Mall, Plan, build_programs, workspace_root};
use crate::mariadb;
use crate::scratch::Scratch;
use crate::server::Server;

/// A whole mall, started as `cargo mall up` starts it, with MariaDB and Redis of its own, on free ports. A crashed service is not
/// started again: a test says what happens when. All of it is gone when this is dropped.
///
/// Names of processes are those of `cargo mall status` (`users`, `stock-2`, `gateway`), and `mysql` and `redis`.
#[derive(Debug)]
pub struct MallUnderTest {
    // Before the folder: processes end first.
    mall: Arc<Mall>,
    scratch: Option<Scratch>,
}

/// What differs from the mall of `cargo mall up`.
#[derive(Debug, Default)]
pub struct MallBuilder {
    instances: BTreeMap<String, u16>,
    env: BTreeMap<String, BTreeMap<String, String>>,
    demo_data: bool,
    mysql_port: Option<u16>,
    redis_port: Option<u16>,
}

impl MallBuilder {
    /// A setting, by environment, for a service (`orders`), one instance (`stock-2`) or all (`*`).
    #[must_use]
    pub fn env(mut self, whose: &str, name: &str, value: &str) -> MallBuilder {
        self.env
            .entry(whose.to_owned())
            .or_default()
            .insert(name.to_owned(), value.to_owned());
        self
    }

    /// How many instances of a service.
    #[must_use]
    pub fn instances(mut self, service: &str, count: u16) -> MallBuilder {
        self.instances.insert(service.to_owned(), count);
        self
    }

    /// With the demo products; without, the shop is empty.
    #[must_use]
    pub fn demo_data(mut self) -> MallBuilder {
        self.demo_data = true;
        self
    }

    /// MariaDB's port, where something has to know it before the mall starts.
    #[must_use]
    pub fn mysql_port(mut self, port: u16) -> MallBuilder {
        self.mysql_port = Some(port);
        self
    }

    /// Redis' port, likewise.
    #[must_use]
    pub fn redis_port(mut self, port: u16) -> MallBuilder {
        self.redis_port = Some(port);
        self
    }

    /// Starts it and waits until a shopper could buy.
    pub async fn start(self) -> anyhow::Result<MallUnderTest> {
        blocking(move || {
            let root = workspace_root()?;
            let programs = programs(&root)?;
            let scratch = Scratch::new("mall")?;
            let plan = Plan {
                instances: self.instances,
                env: self.env,
                demo_data: self.demo_data,
                mysql_port: self.mysql_port,
                redis_port: self.redis_port,
                throwaway: true,
                ..Plan::new(&root, scratch.path(), &programs)
            };
            let mall = Arc::new(Mall::start(plan, &|_| {})?);
            Ok(MallUnderTest {
                mall,
                scratch: Some(scratch),
            })
        })
        .await
    }
}

impl MallUnderTest {
    /// One instance of each service and an empty shop.
    pub async fn start() -> anyhow::Result<MallUnderTest> {
        MallUnderTest::builder().start().await
    }

    /// For a mall that differs.
    #[must_use]
    pub fn builder() -> MallBuilder {
        MallBuilder::default()
    }

    /// Where shoppers come in, without a slash at the end.
    #[must_use]
    pub fn gateway_url(&self) -> String {
        self.mall.gateway_url()
    }

    /// The registry, without `/eureka`.
    #[must_use]
    pub fn registry_url(&self) -> String {
        self.mall.registry_url()
    }

    /// The config server.
    #[must_use]
    pub fn config_server_url(&self) -> String {
        self.mall.config_server_url()
    }

    /// MariaDB as root; schemas are `mall_users`, `mall_stock` and so on.
    #[must_use]
    pub fn mysql_url(&self) -> String {
        self.mall.mysql_url()
    }

    /// Redis.
    #[must_use]
    pub fn redis_url(&self) -> String {
        self.mall.redis_url()
    }

    /// Address of one instance.
    ///
    /// # Panics
    /// When there is none of that name.
    #[must_use]
    pub fn url(&self, instance: &str) -> String {
        self.server(instance).url()
    }

    /// Addresses of all instances of a service.
    #[must_use]
    pub fn urls(&self, service: &str) -> Vec<String> {
        let numbered = format!("{service}-");
        let of_service = |name: &str| {
            name == service
                || name
                    .strip_prefix(&numbered)
                    .is_some_and(|n| n.parse::<u16>().is_ok())
        };
        self.mall
            .instances()
            .filter(|server| of_service(server.name()))
            .map(|server| server.url())
            .collect()
    }

    /// The administrator's login.
    #[must_use]
    pub fn admin(&self) -> &Admin {
        self.mall.admin()
    }

    /// Where mails arrive as `.eml` files.
    #[must_use]
    pub fn mail_folder(&self) -> PathBuf {
        self.mall.mail_folder()
    }

    /// Readable texts of the mails to `recipient`, oldest first.
    ///
    /// # Panics
    /// When the folder can't be read.
    #[must_use]
    pub fn mails_to(&self, recipient: &str) -> Vec<String> {
        match mail::mails_to(&self.mail_folder(), recipient) {
            Ok(mails) => mails.iter().map(|mail| mail::text(mail)).collect(),
            Err(error) => panic!("mails can't be read: {error}"),
        }
    }

    /// While away, the mail server takes nothing.
    pub fn set_mail_away(&self, away: bool) {
        self.mall.set_mail_away(away);
    }

    /// All that an instance has logged.
    #[must_use]
    pub fn logs(&self, instance: &str) -> String {
        std::fs::read(&self.server(instance).launch().log)
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Whether its process runs: one that ended by itself does not.
    #[must_use]
    pub fn is_running(&self, name: &str) -> bool {
        self.server(name).pid().is_some()
    }

    /// State, process and memory of each instance.
    pub async fn status(&self) -> Vec<InstanceView> {
        let mall = Arc::clone(&self.mall);
        blocking(move || Ok(mall.view())).await.unwrap_or_default()
    }

    /// SIGKILL; it stays dead until [`MallUnderTest::restart`].
    pub async fn kill(&self, name: &str) {
        self.off_runtime(name, |server| server.kill()).await;
    }

    /// SIGTERM, and waits for its orderly end. Says how it ended: a test may want to know that it was not killed.
    pub async fn stop(&self, name: &str) -> Option<std::process::ExitStatus> {
        let server = Arc::clone(self.server(name));
        blocking(move || Ok(server.stop())).await.ok().flatten()
    }

    /// SIGSTOP: connections are accepted, nothing is answered.
    pub async fn pause(&self, name: &str) {
        self.off_runtime(name, |server| server.pause()).await;
    }

    /// Ends a pause.
    pub async fn resume(&self, name: &str) {
        self.off_runtime(name, |server| server.resume()).await;
    }

    /// Starts it on the same port, after killing it if it runs, and waits until it answers for itself. Others see it a little
    /// later: [`MallUnderTest::wait_healthy`].
    pub async fn restart(&self, name: &str) -> anyhow::Result<()> {
        let server = Arc::clone(self.server(name));
        blocking(move || {
            server.kill();
            server.start()?;
            server.wait_ready(mariadb::READY, &|| false)
        })
        .await
    }

    /// Waits until every instance is up, in the registry and by its own word.
    pub async fn wait_healthy(&self) -> anyhow::Result<()> {
        let mall = Arc::clone(&self.mall);
        blocking(move || mall.wait_healthy(Duration::from_secs(60))).await
    }

    /// Stops all of it in order, where the end itself is what is tested; dropping kills it.
    pub async fn shut_down(&self) {
        let mall = Arc::clone(&self.mall);
        let _ = blocking(move || {
            mall.stop(&|_| {});
            Ok(())
        })
        .await;
    }

    fn server(&self, name: &str) -> &Arc<Server> {
        match self.mall.server(name) {
            Some(server) => server,
            None => panic!("this mall has no process {name:?}"),
        }
    }

    async fn off_runtime(&self, name: &str, act: impl FnOnce(&Server) + Send + 'static) {
        let server = Arc::clone(self.server(name));
        let _ = blocking(move || {
            act(&server);
            Ok(())
        })
        .await;
    }
}

impl Drop for MallUnderTest {
    /// What the services said is worth more than a clean temporary folder when a test fails: logs are kept then.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let Some(scratch) = self.scratch.take() else {
            return;
        };
        let kept = std::env::temp_dir().join(format!(
            "mall-failed-{}-{}",
            std::process::id(),
            self.mall.server("gateway").map_or(0, |s| s.port())
        ));
        if std::fs::rename(scratch.path().join("logs"), &kept).is_ok() {
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("logs of the services: {}\n", kept.display()),
            );
        }
    }
}

/// The nine programs: `cargo mall test` has built them; a test that is run by hand builds them itself, once for each process.
fn programs(root: &std::path::Path) -> anyhow::Result<PathBuf> {
    static BUILT: Mutex<Option<PathBuf>> = Mutex::new(None);
    if let Some(programs) = std::env::var_os("MALL_PROGRAMS") {
        return Ok(programs.into());
    }
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(programs) = &*built {
        return Ok(programs.clone());
    }
    let mut output = Vec::new();
    let result = build_programs(root, Build::Debug, None, &mut |piece| {
        output.extend_from_slice(piece)
    });
    let programs = result
        .with_context(|| String::from_utf8_lossy(&output).into_owned())?
        .programs;
    *built = Some(programs.clone());
    Ok(programs)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("the thread that works on the mall panicked")?
}
