//! Where limits are measured: on the servers of the mall that runs here, or on servers of their own when none does.

use std::path::{Path, PathBuf};

use anyhow::Context;
use mall_auth::{InternalKeys, TokenKeys};
use mall_db::Db;
use mall_testkit::mariadb::MariaDbSettings;
use mall_testkit::redis_server::RedisSettings;
use mall_testkit::{MariaDb, Redis};
use redis::IntoConnectionInfo;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::io::tcp::TcpSettings;
use secrecy::SecretString;
use sqlx::AssertSqlSafe;

use crate::local::Local;
use crate::say;

/// What a measurement needs.
pub struct Ground {
    redis: String,
    mysql: String,
    pub tokens: TokenKeys,
    pub internal: InternalKeys,
    /// Stopped and removed with it.
    _own: Option<Own>,
}

/// Servers that nobody else uses, on the disk of the clone.
struct Own {
    mariadb: MariaDb,
    redis: Redis,
    folder: PathBuf,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.mariadb.stop();
        self.redis.stop();
        // What is left is a temporary folder of nobody's.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Ground {
    /// The servers of the mall that runs here.
    pub fn of(local: &Local) -> Ground {
        Ground {
            redis: local.state.redis.clone(),
            mysql: local.state.mysql.clone(),
            tokens: local.tokens.clone(),
            internal: local.internal.clone(),
            _own: None,
        }
    }

    /// The mall's that `state` tells of, else servers as `cargo mall up` starts them.
    pub async fn find(state: Option<&Path>) -> anyhow::Result<Ground> {
        match state {
            Some(state) => Ok(Ground::of(&Local::find(Some(state)).await?)),
            None => {
                say("no mall runs here: starting a MariaDB and a Redis");
                tokio::task::spawn_blocking(Ground::own).await?
            }
        }
    }

    fn own() -> anyhow::Result<Ground> {
        let root = mall_testkit::mall::workspace_root()?;
        let folder = root
            .join(".mall")
            .join(format!("bench-{}", std::process::id()));
        let redis = Redis::start_with(&RedisSettings::new(&folder.join("redis")))?;
        let mariadb = MariaDb::start_with(&MariaDbSettings::new(&folder.join("mysql")))?;
        let secret = SecretString::from("a key of the bench, of no use elsewhere");
        Ok(Ground {
            redis: redis.url(),
            mysql: mariadb.url_root(),
            tokens: TokenKeys::new(&secret)?,
            internal: InternalKeys::new(&secret)?,
            _own: Some(Own {
                mariadb,
                redis,
                folder,
            }),
        })
    }

    /// As the services open theirs.
    pub fn redis_client(&self) -> anyhow::Result<redis::Client> {
        let info = self.redis.as_str().into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(redis::Client::open(info)?)
    }

    /// A schema of its own; [`Ground::drop_schema`] afterwards.
    pub async fn schema(&self, name: &str) -> anyhow::Result<Db> {
        let admin = Db::connect_url(&self.mysql, 1)?;
        statement(
            &admin,
            format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
        )
        .await?;
        let url = format!("{}/{name}", self.mysql.trim_end_matches('/'));
        Ok(Db::connect_url(&url, 16)?)
    }

    pub async fn drop_schema(&self, name: &str) -> anyhow::Result<()> {
        let admin = Db::connect_url(&self.mysql, 1)?;
        statement(&admin, format!("DROP DATABASE {name}")).await
    }
}

/// A connection as the services have one.
pub fn manager(client: &redis::Client) -> anyhow::Result<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_connection_timeout(Some(std::time::Duration::from_millis(500)))
        .set_response_timeout(Some(std::time::Duration::from_secs(2)));
    Ok(ConnectionManager::new_lazy_with_config(
        client.clone(),
        config,
    )?)
}

/// Runs one statement.
pub async fn statement(db: &Db, text: String) -> anyhow::Result<()> {
    let done = db.run_tx("bench_statement", move |tx| {
        let text = text.clone();
        Box::pin(async move {
            sqlx::raw_sql(AssertSqlSafe(text)).execute(tx).await?;
            Ok::<_, mall_db::TxError<std::convert::Infallible>>(())
        })
    });
    done.await
        .map_err(|error| anyhow::anyhow!("MySQL: {error}"))
}

/// Nothing whose name has this number in it stays in Redis.
pub async fn forget(client: &redis::Client, id: i64) -> anyhow::Result<()> {
    let mut redis = client
        .get_multiplexed_async_connection()
        .await
        .context("Redis")?;
    let mut cursor = 0_u64;
    loop {
        let (next, keys): (u64, Vec<String>) = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(format!("*{id}*"))
            .arg("COUNT")
            .arg(1000)
            .query_async(&mut redis)
            .await?;
        if !keys.is_empty() {
            let _: () = redis::cmd("UNLINK")
                .arg(keys)
                .query_async(&mut redis)
                .await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}
