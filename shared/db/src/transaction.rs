//! Units of work.
//!
//! A unit may be run more than once, so it clones what it needs, and is written as
//! `move |tx| { let order = order.clone(); Box::pin(async move { ... }) }`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rand::RngExt;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, MySql, MySqlConnection};
use tokio::time::timeout;
use tracing::Instrument;

use crate::Db;
use crate::connect::{joined, silent, too_late};
use crate::error::{TxError, is_outage, number};

/// What a unit of work comes to, and the statements that end it.
#[derive(Debug)]
pub struct Ending<T> {
    /// What the caller gets once it is committed.
    pub value: T,
    /// The last statements. They and the commit are one message to the server.
    pub statements: String,
}

/// A client that is frozen in the middle of a transaction is still connected, and would keep its row locks for as long as it is
/// frozen. Therefore the server ends its session after three seconds without a word, and only within a transaction: an idle connection
/// of the pool lives on. All of it in words that MySQL and MariaDB share, and in messages that are sent anyway.
const BEGIN: &str = "SET SESSION wait_timeout = 3; BEGIN";
/// In this order: what fails before the commit has left nothing, and after it nothing may fail.
const COMMIT: &str = "SET SESSION wait_timeout = DEFAULT; COMMIT";
/// In this order: the locks first.
const ROLLBACK: &str = "ROLLBACK; SET SESSION wait_timeout = DEFAULT";

/// Deadlocks and lock timeouts are run again this often.
const ATTEMPTS: u32 = 6;

impl Db {
    /// Runs `work` in one transaction, READ COMMITTED: committed on `Ok`, rolled back on `Err`.
    ///
    /// The work goes on when the caller is dropped. Deadlocks, lock timeouts and connections that broke before the commit
    /// are run again with a short random pause; a commit whose outcome is unknown never is ([`TxError::Unknown`]). A
    /// database that falls silent is waited for 30 s.
    pub async fn run_tx<T, E, F>(&self, name: &'static str, work: F) -> Result<T, TxError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: for<'c> Fn(&'c mut MySqlConnection) -> BoxFuture<'c, Result<T, TxError<E>>>
            + Send
            + Sync
            + 'static,
    {
        let work = Arc::new(work);
        self.unit(name, move |db| {
            let work = Arc::clone(&work);
            Box::pin(async move { db.try_tx(&*work).await })
        })
        .await
    }

    /// Like [`Db::run_tx`], but the statements of the [`Ending`] reach the server in one message with the commit. What they lock
    /// is locked for as long as the server needs, never for as long as this process is frozen, busy or far away.
    ///
    /// One of them failing takes the transaction back ([`TxError::Db`]). A guard fails by writing NULL where none may be
    /// ([`crate::is_null_refused`]).
    pub async fn run_ending<T, E, F>(&self, name: &'static str, work: F) -> Result<T, TxError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: for<'c> Fn(&'c mut MySqlConnection) -> BoxFuture<'c, Result<Ending<T>, TxError<E>>>
            + Send
            + Sync
            + 'static,
    {
        let work = Arc::new(work);
        self.unit(name, move |db| {
            let work = Arc::clone(&work);
            Box::pin(async move { db.try_ending(&*work).await })
        })
        .await
    }

    /// Runs `work` on one connection without a transaction: each of its statements is committed by itself, which saves the two questions
    /// that begin and commit cost. For **one** statement that changes something, with questions before or behind it if need be, and only
    /// for one that **may run twice**: a compare-and-set, a deletion by key, a row that is known by its key.
    ///
    /// For it does: a connection that broke may have carried it out, and it is tried twice more all the same. If that was in vain, or
    /// the last try fell on something else, the outcome is [`TxError::Unknown`]. The work goes on when the caller is dropped.
    pub async fn run_autocommit<T, E, F>(
        &self,
        name: &'static str,
        work: F,
    ) -> Result<T, TxError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: for<'c> Fn(&'c mut MySqlConnection) -> BoxFuture<'c, Result<T, TxError<E>>>
            + Send
            + Sync
            + 'static,
    {
        let (work, doubt) = (Arc::new(work), Arc::new(AtomicBool::new(false)));
        let broken = Arc::clone(&doubt);
        let outcome = self.unit(name, move |db| {
            let (work, broken) = (Arc::clone(&work), Arc::clone(&broken));
            Box::pin(async move {
                let outcome = db.try_plain(&*work).await;
                if matches!(&outcome, Err(TxError::Db(error)) if broke(error)) {
                    broken.store(true, Ordering::Relaxed);
                }
                outcome
            })
        });
        match outcome.await {
            Err(TxError::Db(error)) if doubt.load(Ordering::Relaxed) => {
                Err(TxError::Unknown(error))
            }
            outcome => outcome,
        }
    }

    /// Runs `work`, which only asks, on one connection without a transaction. The work goes on when the caller is dropped; a
    /// connection that broke is tried twice more. For what changes something there is [`Db::run_autocommit`].
    pub async fn read<T, E, F>(&self, name: &'static str, work: F) -> Result<T, TxError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: for<'c> Fn(&'c mut MySqlConnection) -> BoxFuture<'c, Result<T, TxError<E>>>
            + Send
            + Sync
            + 'static,
    {
        let work = Arc::new(work);
        self.unit(name, move |db| {
            let work = Arc::clone(&work);
            Box::pin(async move { db.try_plain(&*work).await })
        })
        .await
    }

    async fn unit<T, E, F>(&self, name: &'static str, once: F) -> Result<T, TxError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: Fn(Db) -> BoxFuture<'static, Result<T, TxError<E>>> + Send + Sync + 'static,
    {
        let db = self.clone();
        let task = async move {
            let mut attempt = 1;
            loop {
                let outcome = once(db.clone()).await;
                if let Err(TxError::Db(error) | TxError::Unknown(error)) = &outcome
                    && broke(error)
                {
                    db.breaks.note();
                }
                let error = match outcome {
                    Err(TxError::Db(error)) if attempt < ATTEMPTS && may_rerun(&error, attempt) => {
                        error
                    }
                    outcome => return outcome,
                };
                tracing::debug!(unit = name, attempt, error = %error, "run again");
                pause(attempt).await;
                attempt += 1;
            }
        };
        match tokio::spawn(task.in_current_span()).await {
            Ok(outcome) => outcome,
            Err(error) => Err(TxError::Db(joined(error))),
        }
    }

    async fn try_tx<T, E, F>(&self, work: &F) -> Result<T, TxError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: for<'c> Fn(&'c mut MySqlConnection) -> BoxFuture<'c, Result<T, TxError<E>>>,
    {
        self.try_ending(&|conn| {
            let work = work(conn);
            Box::pin(async move {
                Ok(Ending {
                    value: work.await?,
                    statements: String::new(),
                })
            })
        })
        .await
    }

    async fn try_ending<T, E, F>(&self, work: &F) -> Result<T, TxError<E>>
    where
        F: for<'c> Fn(&'c mut MySqlConnection) -> BoxFuture<'c, Result<Ending<T>, TxError<E>>>,
    {
        let mut open = Open(Some(self.pool.acquire().await?));
        let committing = AtomicBool::new(false);
        let unit = timeout(self.unit, async {
            let conn = open.conn()?;
            // As text, and so is the end: sqlx would send a commit of its own.
            sqlx::raw_sql(BEGIN).execute(&mut *conn).await?;
            let outcome = match work(conn).await {
                Ok(Ending {
                    value,
                    mut statements,
                }) => {
                    if !statements.is_empty() {
                        statements.push_str("; ");
                    }
                    statements.push_str(COMMIT);
                    committing.store(true, Ordering::Relaxed);
                    sqlx::raw_sql(AssertSqlSafe(statements))
                        .execute(&mut *conn)
                        .await
                        .map(|_| value)
                        .map_err(failed_commit)
                }
                Err(error) => Err(error),
            };
            let clean = match &outcome {
                Ok(_) => true,
                Err(TxError::Unknown(_)) => false,
                Err(_) => sqlx::raw_sql(ROLLBACK).execute(conn).await.is_ok(),
            };
            if clean {
                open.close();
            }
            outcome
        });
        match unit.await {
            Ok(outcome) => outcome,
            Err(_) if committing.load(Ordering::Relaxed) => Err(TxError::Unknown(silent())),
            Err(_) => Err(TxError::Db(silent())),
        }
    }

    async fn try_plain<T, E, F>(&self, work: &F) -> Result<T, TxError<E>>
    where
        F: for<'c> Fn(&'c mut MySqlConnection) -> BoxFuture<'c, Result<T, TxError<E>>>,
    {
        let mut conn = self.pool.acquire().await?;
        match timeout(self.unit, work(&mut conn)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(TxError::Db(too_late(conn))),
        }
    }
}

/// A connection with a transaction that sqlx knows nothing of. Unless that is over it is thrown away, also by a panic: the pool
/// would hand it on with the transaction open.
struct Open(Option<PoolConnection<MySql>>);

impl Open {
    fn conn(&mut self) -> Result<&mut MySqlConnection, sqlx::Error> {
        self.0.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// The transaction is over; the pool may have the connection back.
    fn close(&mut self) {
        self.0 = None;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(conn) = self.0.take() {
            drop(conn.detach());
        }
    }
}

/// The server said no (a deadlock, say): it is rolled back. A broken connection says nothing.
fn failed_commit<E>(error: sqlx::Error) -> TxError<E> {
    if matches!(error, sqlx::Error::Database(_)) {
        TxError::Db(error)
    } else {
        TxError::Unknown(error)
    }
}

/// The connection is no more, as opposed to: the server said no.
fn broke(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_))
        || matches!(number(error), Some(1927 | 4031))
}

/// Nothing was committed, and another try may fare better. A connection that broke is tried twice more: after that the
/// database is away, and the caller is told so.
fn may_rerun(error: &sqlx::Error, attempt: u32) -> bool {
    match number(error) {
        Some(1205 | 1213) => true,
        Some(_) => false,
        None => {
            let waited_out =
                matches!(error, sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::TimedOut);
            !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
                && !waited_out
                && is_outage(error)
                && attempt < 3
        }
    }
}

async fn pause(attempt: u32) {
    let most = 5_u64 << attempt.min(6);
    let millis = rand::rng().random_range(1..=most);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
