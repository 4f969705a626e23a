//! The pool and how it is set up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlPool, MySqlPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Connection, MySql};
use tracing::Instrument;

use crate::encryption::encrypted;

/// Where the database is, in Spring's words (`spring.datasource.*`).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatabaseSettings {
    /// `mysql://host:port/schema`; a `jdbc:` in front and a query behind are tolerated. Of the query only `localSocket` (as
    /// MariaDB's driver calls it) or `socket` - a Unix socket, which takes the place of host and port -, and `sslMode` or `useSSL`
    /// count.
    pub url: String,
    /// The service's own user.
    #[serde(default)]
    pub username: Option<String>,
    /// Its password.
    #[serde(default)]
    pub password: Option<SecretString>,
    /// Certificates (PEM) that sign the server's: a file or the text itself. None: the well-known authorities.
    #[serde(default)]
    pub ca: Option<String>,
    /// Most connections of this process.
    #[serde(default = "default_connections")]
    pub max_connections: u32,
}

fn default_connections() -> u32 {
    16
}

/// How long a request waits for a free connection before it is told 503.
const ACQUIRE: Duration = Duration::from_secs(3);

/// How long one unit of work may take, all its statements together. Far beyond what any of them needs: it ends the wait
/// for a server that fell silent without closing the connection (its machine died, a network device forgot us), which the
/// operating system would take a quarter of an hour to notice.
const UNIT: Duration = Duration::from_secs(30);

/// A connection that was used within this time, and since when none has broken, is handed out without asking the server
/// whether it is still there: the pool has just asked when it came back.
const TRUSTED: Duration = Duration::from_secs(1);

/// A pool of connections to the service's own schema.
#[derive(Debug, Clone)]
pub struct Db {
    pub(crate) pool: MySqlPool,
    pub(crate) unit: Duration,
    pub(crate) breaks: Breaks,
}

/// When a connection broke last. Those that were idle at that time may be broken as well.
#[derive(Debug, Clone, Default)]
pub(crate) struct Breaks(Arc<Mutex<Option<Instant>>>);

impl Breaks {
    /// A connection broke just now.
    pub(crate) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection that was idle for so long is good without a look.
    fn trusts(&self, idle: Duration) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle < TRUSTED && last.is_none_or(|last| idle < last.elapsed())
    }
}

impl DatabaseSettings {
    fn options(&self) -> Result<MySqlConnectOptions, sqlx::Error> {
        let url = self.url.strip_prefix("jdbc:").unwrap_or(&self.url);
        // JDBC's other parameters (useSSL, serverTimezone, ...) mean nothing here and sqlx refuses unknown ones.
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let url = url.replacen("mariadb://", "mysql://", 1);
        let mut options: MySqlConnectOptions = url.parse()?;
        if let Some(path) = socket(query) {
            options = options.socket(path);
        }
        options = encrypted(options, query, self.ca.as_deref())?;
        if let Some(username) = &self.username {
            options = options.username(username);
        }
        if let Some(password) = &self.password {
            options = options.password(password.expose_secret());
        }
        Ok(options.charset("utf8mb4").statement_cache_capacity(256))
    }
}

impl Db {
    /// Makes a pool; connections are opened when they are needed.
    pub fn connect(settings: &DatabaseSettings) -> Result<Db, sqlx::Error> {
        let breaks = Breaks::default();
        let known = breaks.clone();
        let pool = MySqlPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(Duration::from_secs(600))
            .after_connect(|conn, _| Box::pin(set_up(conn)))
            .test_before_acquire(false)
            .before_acquire(move |conn, meta| {
                let trusted = known.trusts(meta.idle_for);
                Box::pin(async move { Ok(trusted || conn.ping().await.is_ok()) })
            })
            .connect_lazy_with(settings.options()?);
        Ok(Db {
            pool,
            unit: UNIT,
            breaks,
        })
    }

    /// The same pool with another limit for a unit of work, for tools with long statements, and for tests.
    pub fn with_unit_limit(&self, unit: Duration) -> Db {
        Db {
            pool: self.pool.clone(),
            unit,
            breaks: self.breaks.clone(),
        }
    }

    /// A pool for a test or a tool.
    pub fn connect_url(url: &str, max_connections: u32) -> Result<Db, sqlx::Error> {
        Db::connect(&DatabaseSettings {
            url: url.to_owned(),
            username: None,
            password: None,
            ca: None,
            max_connections,
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        self.ask(|conn| Box::pin(conn.ping())).await
    }

    /// The server's version text.
    pub async fn version(&self) -> Result<String, sqlx::Error> {
        self.ask(|conn| Box::pin(sqlx::query_scalar("SELECT VERSION()").fetch_one(conn)))
            .await
    }

    /// Checks that an answered commit survives a power cut. Says which setting is not durable.
    pub async fn check_durability(&self) -> Result<Result<(), String>, sqlx::Error> {
        let (flush, log_bin, sync_binlog): (i64, i64, i64) = self
            .ask(|conn| {
                Box::pin(
                    sqlx::query_as(
                        "SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED), CAST(@@log_bin AS SIGNED), \
                         CAST(@@sync_binlog AS SIGNED)",
                    )
                    .fetch_one(conn),
                )
            })
            .await?;
        Ok(if flush != 1 {
            Err(format!(
                "innodb_flush_log_at_trx_commit is {flush}, it must be 1"
            ))
        } else if log_bin == 1 && sync_binlog != 1 {
            Err(format!(
                "sync_binlog is {sync_binlog} with the binary log on, it must be 1"
            ))
        } else {
            Ok(())
        })
    }

    /// A short question on a connection of its own. One that a silent server keeps is thrown away.
    async fn ask<T, F>(&self, question: F) -> Result<T, sqlx::Error>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut MySqlConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>
            + Send
            + 'static,
    {
        let db = self.clone();
        shielded(async move {
            let mut conn = db.pool.acquire().await?;
            match tokio::time::timeout(db.unit.min(ACQUIRE), question(&mut conn)).await {
                Ok(answer) => answer,
                Err(_) => Err(too_late(conn)),
            }
        })
        .await
    }

    /// Connections that are open, and those of them that are idle.
    pub fn connections(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }

    /// Closes the pool; waits a bounded time for work that is still under way.
    pub async fn close(&self) {
        // A leaked connection would keep `close` waiting for ever.
        if tokio::time::timeout(Duration::from_secs(3), self.pool.close())
            .await
            .is_err()
        {
            tracing::warn!("the database pool did not close in time");
        }
    }
}

/// The path of a Unix socket in the query of an address.
fn socket(query: &str) -> Option<&str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, _)| matches!(*key, "localSocket" | "socket"))
        .map(|(_, path)| path)
        .find(|path| !path.is_empty())
}

/// Each session: no gap locks, short lock waits, and strict, whatever the server's default is: guards say no by a NULL that is
/// refused, which a lenient server takes for a zero with a warning. How long it may say nothing in a transaction is set by each
/// transaction.
const SESSION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
    SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',STRICT_ALL_TABLES'); \
    SET SESSION innodb_lock_wait_timeout = 5";

async fn set_up(conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SESSION).execute(conn).await.map(drop)
}

/// Throws away a connection whose server did not answer in time. It is never handed back to the pool: what was under way on
/// it may still be, and the server rolls back when it sees the connection gone.
pub(crate) fn too_late(conn: PoolConnection<MySql>) -> sqlx::Error {
    drop(conn.detach());
    silent()
}

/// A server that did not answer in time.
pub(crate) fn silent() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "the database did not finish in time",
    ))
}

/// Runs database work in a task of its own, which goes on when the caller is dropped.
pub(crate) async fn shielded<T: Send + 'static>(
    work: impl Future<Output = Result<T, sqlx::Error>> + Send + 'static,
) -> Result<T, sqlx::Error> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(error) => Err(joined(error)),
    }
}

/// A panic goes on in the caller; a runtime that is going down is a database that is away.
pub(crate) fn joined(error: tokio::task::JoinError) -> sqlx::Error {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => sqlx::Error::PoolClosed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unix_socket_is_named_in_the_query() {
        assert_eq!(socket(""), None);
        assert_eq!(socket("useSSL=false&socket="), None);
        assert_eq!(
            socket("useSSL=false&localSocket=/run/x.sock"),
            Some("/run/x.sock")
        );
        assert_eq!(socket("socket=/run/y.sock"), Some("/run/y.sock"));
    }

    #[test]
    fn a_connection_is_trusted_for_a_moment_and_not_across_a_break() {
        let breaks = Breaks::default();
        assert!(breaks.trusts(Duration::from_millis(500)));
        assert!(!breaks.trusts(Duration::from_secs(2)));
        breaks.note();
        assert!(
            !breaks.trusts(Duration::from_millis(500)),
            "it was idle when another broke"
        );
        assert!(breaks.trusts(Duration::ZERO), "it was used since");
    }
}
