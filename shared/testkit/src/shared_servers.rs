//! One MariaDB and one Redis for all tests of a process, unless the environment names others.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;

use crate::mariadb::{MariaDb, MariaDbSettings};
use crate::redis_server::{Redis, RedisSettings};
use crate::scratch::Scratch;

/// `None` = not started yet; the lock makes the first caller start it and the others wait.
type Shared<T> = Mutex<Option<Arc<(Scratch, T)>>>;

static MARIADB: Shared<MariaDb> = Mutex::new(None);
static REDIS: Shared<Redis> = Mutex::new(None);

/// URL, without a schema, of a MySQL or MariaDB in which tests may make and drop schemas: `DATABASE_URL`, else a private
/// MariaDB that ends with this process.
///
/// # Panics
/// When no server can be started.
pub async fn mysql_url() -> String {
    match given("DATABASE_URL") {
        Some(url) => url,
        None => {
            off_runtime(|| {
                start_once(&MARIADB, "mysql", |scratch| {
                    let settings = MariaDbSettings {
                        throwaway: true,
                        max_connections: 1_000,
                        ..MariaDbSettings::new(scratch.path())
                    };
                    MariaDb::start_with(&settings)
                })
                .map(|shared| shared.1.url_root())
            })
            .await
        }
    }
}

/// URL of a Redis for tests: `REDIS_URL`, else a private one that ends with this process. Tests share it: use keys of your own.
///
/// # Panics
/// When no server can be started.
pub async fn redis_url() -> String {
    match given("REDIS_URL") {
        Some(url) => url,
        None => {
            off_runtime(|| {
                start_once(&REDIS, "redis", |scratch| {
                    Redis::start_with(&RedisSettings {
                        throwaway: true,
                        ..RedisSettings::new(scratch.path())
                    })
                })
                .map(|shared| shared.1.url())
            })
            .await
        }
    }
}

fn given(name: &str) -> Option<String> {
    std::env::var(name)
        .ok()
        .filter(|url| !url.is_empty())
        .map(|url| url.trim_end_matches('/').to_owned())
}

fn start_once<T>(
    shared: &Shared<T>,
    label: &str,
    start: impl FnOnce(&Scratch) -> anyhow::Result<T>,
) -> anyhow::Result<Arc<(Scratch, T)>> {
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = &*shared {
        return Ok(Arc::clone(running));
    }
    let scratch = Scratch::new(label).context("no temporary folder")?;
    let server = start(&scratch)?;
    let running = Arc::new((scratch, server));
    *shared = Some(Arc::clone(&running));
    Ok(running)
}

async fn off_runtime(start: impl FnOnce() -> anyhow::Result<String> + Send + 'static) -> String {
    match tokio::task::spawn_blocking(start).await {
        Ok(Ok(url)) => url,
        Ok(Err(error)) => {
            panic!("tests need MariaDB and Redis (cargo mall up installs them): {error:#}")
        }
        Err(error) => panic!("{error}"),
    }
}
