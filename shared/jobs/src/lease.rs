//! Who runs a tick: a row per job, timed by the database's clock, so that clocks of replicas may differ.

use std::convert::Infallible;
use std::time::Duration;

use mall_db::{Db, TxError};

type Failed = TxError<Infallible>;

/// A replica's right to run jobs.
#[derive(Clone)]
pub(crate) struct Leases {
    db: Db,
    holder: String,
}

impl Leases {
    pub fn new(db: Db) -> Self {
        Self {
            db,
            holder: uuid::Uuid::new_v4().to_string(),
        }
    }

    /// Takes the lease of `job` for `length`; false when another run holds it, or, unless `forced`, when the tick was
    /// run already.
    pub async fn take(
        &self,
        job: &'static str,
        length: Duration,
        forced: bool,
    ) -> Result<bool, Failed> {
        let holder = self.holder.clone();
        let micros = micros(length);
        self.db
            .run_tx("job_lease_take", move |tx| {
                let holder = holder.clone();
                Box::pin(async move {
                    let taken = sqlx::query(
                        "UPDATE job_lease SET holder = ?, running = 1, until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND \
                         WHERE name = ? AND (until <= UTC_TIMESTAMP(6) OR (? AND running = 0))",
                    )
                    .bind(&holder)
                    .bind(micros)
                    .bind(job)
                    .bind(forced)
                    .execute(&mut *tx)
                    .await?;
                    if taken.rows_affected() == 1 {
                        return Ok(true);
                    }
                    let made = sqlx::query(
                        "INSERT IGNORE INTO job_lease (name, holder, running, until) \
                         VALUES (?, ?, 1, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)",
                    )
                    .bind(job)
                    .bind(&holder)
                    .bind(micros)
                    .execute(&mut *tx)
                    .await?;
                    Ok(made.rows_affected() == 1)
                })
            })
            .await
    }

    /// Makes the lease last `length` from now; false when it is lost.
    pub async fn renew(&self, job: &'static str, length: Duration) -> Result<bool, Failed> {
        self.set(job, length, true).await
    }

    /// Ends the run; other replicas' ticks are refused for `quiet` more.
    pub async fn finish(&self, job: &'static str, quiet: Duration) -> Result<bool, Failed> {
        self.set(job, quiet, false).await
    }

    async fn set(
        &self,
        job: &'static str,
        length: Duration,
        running: bool,
    ) -> Result<bool, Failed> {
        let holder = self.holder.clone();
        let micros = micros(length);
        self.db
            .run_tx("job_lease_set", move |tx| {
                let holder = holder.clone();
                Box::pin(async move {
                    let set = sqlx::query(
                        "UPDATE job_lease SET running = ?, until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND \
                         WHERE name = ? AND holder = ? AND running = 1",
                    )
                    .bind(running)
                    .bind(micros)
                    .bind(job)
                    .bind(&holder)
                    .execute(&mut *tx)
                    .await?;
                    Ok(set.rows_affected() == 1)
                })
            })
            .await
    }
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX / 2)
}
