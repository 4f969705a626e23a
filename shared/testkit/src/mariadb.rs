//! A private MariaDB; or a private MySQL, where [`programs::SQL_SERVER`] names its program.

mod mysql;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use crate::process::{Launch, tail};
use crate::programs::{self, Dialect};
use crate::server::{Probe, Server};
use crate::{ports, unix};

/// What may differ from one private MariaDB to the next.
#[derive(Clone, Debug)]
pub struct MariaDbSettings {
    /// Folder of everything it writes; made when absent.
    pub dir: PathBuf,
    /// Its log.
    pub log: PathBuf,
    /// Its port; a free one when absent.
    pub port: Option<u16>,
    /// Size of InnoDB's buffer pool in MiB.
    pub buffer_pool_mib: u32,
    /// The most connections at a time.
    pub max_connections: u32,
    /// The data need not survive a power cut (that of a process it always survives): nothing is forced to the disk. For tests.
    pub throwaway: bool,
    /// Statements, each on one line, run at every start before the first connection is let in.
    pub init_sql: Vec<String>,
    /// More arguments for the server.
    pub args: Vec<String>,
}

impl MariaDbSettings {
    /// A durable server with everything in `dir`.
    #[must_use]
    pub fn new(dir: &Path) -> MariaDbSettings {
        MariaDbSettings {
            dir: dir.to_owned(),
            log: dir.join("mariadb.log"),
            port: None,
            buffer_pool_mib: 64,
            max_connections: 300,
            throwaway: false,
            init_sql: Vec::new(),
            args: Vec::new(),
        }
    }
}

/// A MariaDB process of ours. Only loopback reaches it, as `root` without a password: it belongs to whoever is on this machine.
#[derive(Debug, Clone)]
pub struct MariaDb {
    server: Arc<Server>,
    data: PathBuf,
}

/// Beside the data, so that it needs no absolute path: those of sockets may not be longer than 107 bytes.
const SOCKET: &str = "mysql.sock";

impl MariaDb {
    /// Starts a durable server on `dir`, making its data first when there is none, and waits until it is ready.
    pub fn start(dir: &Path, port: Option<u16>) -> anyhow::Result<MariaDb> {
        MariaDb::start_with(&MariaDbSettings {
            port,
            ..MariaDbSettings::new(dir)
        })
    }

    /// The same with settings.
    pub fn start_with(settings: &MariaDbSettings) -> anyhow::Result<MariaDb> {
        let mariadb = MariaDb::prepare(settings)?;
        mariadb.server.start()?;
        mariadb.server.wait_ready(READY, &|| false)?;
        Ok(mariadb)
    }

    /// Makes the data when there is none, but does not start the server.
    pub fn prepare(settings: &MariaDbSettings) -> anyhow::Result<MariaDb> {
        let program = programs::sql_server().context("mariadbd is not installed")?;
        let version = program
            .version()
            .with_context(|| format!("{} can't be run", program.path.display()))?;
        let dialect = Dialect::of_version(&version);
        fs::create_dir_all(settings.dir.join("tmp"))?;
        let dir = settings.dir.canonicalize()?;
        let data = dir.join("data");
        if !data.join("mysql").is_dir() {
            initialise(&program.path, dialect, &dir, &data, settings)?;
        }
        let init_file = dir.join("init.sql");
        fs::write(&init_file, settings.init_sql.join("\n") + "\n")?;
        let port = match settings.port {
            Some(port) => port,
            None => ports::free_port()?,
        };
        let mut args = common_args(dialect, &dir, &data, settings);
        args.extend([
            format!("--port={port}"),
            "--bind-address=127.0.0.1".into(),
            format!("--socket={SOCKET}"),
            format!("--pid-file={}", dir.join("mysql.pid").display()),
            format!("--init-file={}", init_file.display()),
            format!("--max-connections={}", settings.max_connections),
            "--character-set-server=utf8mb4".into(),
            "--collation-server=utf8mb4_general_ci".into(),
            "--skip-log-bin".into(),
            "--local-infile=0".into(),
        ]);
        match dialect {
            Dialect::MariaDb => args.push("--log-warnings=1".into()),
            Dialect::MySql => args.extend(mysql::SERVING.map(Into::into)),
        }
        args.extend(settings.args.iter().cloned());
        let launch = Launch {
            name: "mysql".into(),
            program: program.path,
            arg0: program.arg0,
            args: args.into_iter().map(Into::into).collect(),
            env: Default::default(),
            dir: data.clone(),
            log: settings.log.clone(),
        };
        let server = Server::new(launch, port, Probe::MySqlGreeting, Duration::from_secs(20));
        Ok(MariaDb { server, data })
    }

    /// The process behind it.
    #[must_use]
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// `mysql://root@127.0.0.1:<port>`: all rights, no schema.
    #[must_use]
    pub fn url_root(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.server.port())
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.data.join(SOCKET)
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// Stops it in order.
    pub fn stop(&self) {
        self.server.stop();
    }
}

/// How long a server may take from its start to its first answer, recovery after a crash included.
pub const READY: Duration = Duration::from_secs(60);

fn common_args(
    dialect: Dialect,
    dir: &Path,
    data: &Path,
    settings: &MariaDbSettings,
) -> Vec<String> {
    let mut args = vec![
        // First, or the system's own configuration would be read.
        "--no-defaults".into(),
        format!("--datadir={}", data.display()),
        // Its own: a server that starts removes the temporary tables that it finds there, also those of another server.
        format!("--tmpdir={}", dir.join("tmp").display()),
        format!("--innodb-buffer-pool-size={}M", settings.buffer_pool_mib),
        "--innodb-flush-log-at-trx-commit=1".into(),
        "--performance-schema=OFF".into(),
        "--skip-name-resolve".into(),
        "--key-buffer-size=1M".into(),
        "--table-open-cache=1000".into(),
    ];
    args.extend(
        match dialect {
            Dialect::MariaDb => MARIADB,
            Dialect::MySql => mysql::COMMON,
        }
        .map(Into::into),
    );
    if settings.throwaway {
        args.push("--innodb-flush-method=nosync".into());
    }
    if unix::is_root() {
        args.push("--user=root".into());
    }
    args
}

/// What only MariaDB knows.
const MARIADB: [&str; 3] = [
    "--innodb-log-file-size=48M",
    "--skip-external-locking",
    "--aria-pagecache-buffer-size=8M",
];

/// A root whom TCP lets in: names are not looked up, so 127.0.0.1 is not `localhost`.
const ROOT: &str = "create user if not exists 'root'@'127.0.0.1';\n\
    grant all on *.* to 'root'@'127.0.0.1' with grant option;\n";

/// Makes the system tables. The folder gets its name only when all is done: a start that was killed half-way leaves nothing that
/// looks like data.
fn initialise(
    program: &Path,
    dialect: Dialect,
    dir: &Path,
    data: &Path,
    settings: &MariaDbSettings,
) -> anyhow::Result<()> {
    let fresh = dir.join("data.new");
    for left_over in [&fresh, &data.to_path_buf()] {
        if left_over.exists() {
            fs::remove_dir_all(left_over)?;
        }
    }
    fs::create_dir(&fresh)?;
    let lax = MariaDbSettings {
        throwaway: true,
        ..settings.clone()
    };
    let mut command = Command::new(program);
    command.args(common_args(dialect, dir, &fresh, &lax));
    match dialect {
        Dialect::MariaDb => bootstrap(command, program, &fresh, settings)?,
        Dialect::MySql => mysql::initialise(command, dir, settings)?,
    }
    ensure!(
        fresh.join("mysql").is_dir(),
        "no system tables were made; see {}",
        settings.log.display()
    );
    fs::rename(&fresh, data)?;
    Ok(())
}

/// As mariadb-install-db does, whose script wants programs of other packages.
fn bootstrap(
    mut command: Command,
    program: &Path,
    fresh: &Path,
    settings: &MariaDbSettings,
) -> anyhow::Result<()> {
    let share = share_folder(program)
        .context("MariaDB's system tables (mysql_system_tables.sql) are not installed")?;
    let mut script = String::from(
        "create database mysql;\nuse mysql;\nset @auth_root_socket=NULL;\nset @skip_auth_anonymous=1;\n",
    );
    for file in [
        "mysql_system_tables.sql",
        "mysql_performance_tables.sql",
        "mysql_system_tables_data.sql",
    ] {
        let file = share.join(file);
        script.push_str(
            &fs::read_to_string(&file)
                .with_context(|| format!("{} can't be read", file.display()))?,
        );
        script.push('\n');
    }
    script.push_str("flush privileges;\n");
    script.push_str(ROOT);
    command
        .args([
            "--bootstrap",
            "--silent-startup",
            "--log-warnings=0",
            "--enforce-storage-engine=",
            "--max-allowed-packet=8M",
        ])
        .current_dir(fresh)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(appended(&settings.log)?);
    unix::tie_to_parent(&mut command);
    let mut child = command
        .spawn()
        .with_context(|| format!("{} can't be started", program.display()))?;
    let mut stdin = child.stdin.take().context("no pipe to mariadbd")?;
    // A server that dies while reading breaks the pipe; its exit status below tells more.
    let _ = stdin.write_all(script.as_bytes());
    drop(stdin);
    made_in_order(child.wait()?, settings)
}

fn appended(log: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(log)
}

fn made_in_order(status: ExitStatus, settings: &MariaDbSettings) -> anyhow::Result<()> {
    if !status.success() {
        let end = tail(&settings.log, 20).join("\n");
        bail!("the database's data could not be made ({status}):\n{end}");
    }
    Ok(())
}

fn share_folder(program: &Path) -> Option<PathBuf> {
    let real = program.canonicalize().ok()?;
    let beside = real.parent()?.parent()?.join("share");
    [beside, PathBuf::from("/usr/share")]
        .into_iter()
        .flat_map(|share| ["mysql", "mariadb"].map(|name| share.join(name)))
        .find(|folder| folder.join("mysql_system_tables.sql").is_file())
}
