//! The schema's version: checked at start, changed by `migrate`.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration as SqlxMigration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr};

use crate::Db;
use crate::connect::shielded;

/// One step of a schema, forward only, never edited after it was released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Steps are run in this order.
    pub version: i64,
    /// What the step does, in a few words.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

/// How the schema stands against what the program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaState {
    /// As the program wants it.
    Current,
    /// Steps are missing: run `migrate`.
    Behind {
        /// The last step that was run; 0 = none.
        at: i64,
        /// What the program wants.
        wanted: i64,
    },
    /// A newer program was here. Its steps only add, so an older program still works beside it.
    Ahead {
        /// The last step that was run.
        at: i64,
        /// What the program wants.
        wanted: i64,
    },
    /// A step that was run is not the one that the program knows by that number.
    Changed {
        /// The step.
        version: i64,
    },
}

/// Why the schema could not be changed or read.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database failed.
    #[error("database: {0}")]
    Db(#[from] sqlx::Error),
    /// A step failed.
    #[error("migration: {0}")]
    Migrate(#[from] MigrateError),
}

fn migrator(migrations: &[Migration]) -> Migrator {
    let steps = migrations.iter().map(|step| {
        SqlxMigration::new(
            step.version,
            Cow::Borrowed(step.name),
            MigrationType::Simple,
            AssertSqlSafe(step.sql).into_sql_str(),
            // DDL commits by itself in MySQL: a transaction around it would only pretend.
            true,
        )
    });
    let mut migrator = Migrator::with_migrations(steps.collect());
    // A newer program may have been here before us.
    migrator.set_ignore_missing(true);
    migrator
}

impl Db {
    /// Brings the schema up to date. Safe to run from several places at once: the steps are taken under a lock of the
    /// server.
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<(), SchemaError> {
        let migrator = migrator(migrations);
        let pool = self.pool.clone();
        let task = tokio::spawn(async move { migrator.run(&pool).await });
        match task.await {
            Ok(outcome) => Ok(outcome?),
            Err(error) => Err(SchemaError::Db(crate::connect::joined(error))),
        }
    }

    /// How the schema stands.
    pub async fn schema_state(&self, migrations: &[Migration]) -> Result<SchemaState, SchemaError> {
        let pool = self.pool.clone();
        let applied = shielded(async move {
            let there: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = \
                 '_sqlx_migrations'",
            )
            .fetch_one(&pool)
            .await?;
            if there == 0 {
                return Ok(Vec::new());
            }
            sqlx::query_as::<_, (i64, Vec<u8>)>(
                "SELECT version, checksum FROM _sqlx_migrations WHERE success = TRUE ORDER BY version",
            )
            .fetch_all(&pool)
            .await
        })
        .await?;
        let known = migrator(migrations);
        let at = applied.last().map_or(0, |(version, _)| *version);
        let wanted = known.iter().map(|step| step.version).max().unwrap_or(0);
        for step in known.iter() {
            match applied.iter().find(|(version, _)| *version == step.version) {
                None => return Ok(SchemaState::Behind { at, wanted }),
                Some((version, checksum)) if *checksum != *step.checksum => {
                    return Ok(SchemaState::Changed { version: *version });
                }
                Some(_) => {}
            }
        }
        Ok(if at > wanted {
            SchemaState::Ahead { at, wanted }
        } else {
            SchemaState::Current
        })
    }
}
