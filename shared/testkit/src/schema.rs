//! A schema of its own for each test.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use sqlx::{AssertSqlSafe, Connection, Executor, MySqlConnection};

use crate::mysql_url;

/// An empty schema, dropped with this guard.
#[derive(Debug)]
pub struct SchemaGuard {
    /// `mysql://...:<port>/<schema>`.
    pub url: String,
    /// The schema's name.
    pub name: String,
    server: String,
}

/// Makes an empty schema on the tests' server. `prefix` is for whoever looks into the server, at most 20 letters, digits and `_`.
///
/// # Panics
/// When there is no server.
pub async fn fresh_schema(prefix: &str) -> SchemaGuard {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    assert!(
        prefix.len() <= 20
            && prefix
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_'),
        "{prefix:?} as a prefix"
    );
    let server = mysql_url().await;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let moment = crate::timestamp::since_epoch().as_millis();
    let name = format!("{prefix}_{}_{moment}_{number}", std::process::id());
    let made = run(
        &server,
        format!("CREATE DATABASE `{name}` CHARACTER SET utf8mb4"),
    )
    .await;
    if let Err(error) = made {
        panic!("no schema for this test: {error:#}");
    }
    SchemaGuard {
        url: format!("{server}/{name}"),
        name,
        server,
    }
}

async fn run(server: &str, statement: String) -> anyhow::Result<()> {
    let mut connection = MySqlConnection::connect(server)
        .await
        .with_context(|| format!("no MySQL at {server}"))?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await?;
    Ok(())
}

impl Drop for SchemaGuard {
    /// On a thread with a runtime of its own: the test's may be ending. Failures are let go, the server is short-lived.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            // A test that left a lock on its tables must not hang the run.
            let statement = format!("DROP DATABASE IF EXISTS `{name}`");
            let patient = async {
                let mut connection = MySqlConnection::connect(&server).await.ok()?;
                connection.execute("SET lock_wait_timeout = 2").await.ok()?;
                connection.execute(AssertSqlSafe(statement)).await.ok()
            };
            runtime.block_on(patient)
        });
        let _ = dropper.join();
    }
}
