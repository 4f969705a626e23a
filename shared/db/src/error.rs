//! What can come out of a unit of work.

use std::fmt;

use mall_problem::{Problem, Text};

/// Why a unit of work came to nothing, or may have.
#[derive(Debug)]
pub enum TxError<E> {
    /// The database failed; nothing was changed.
    Db(sqlx::Error),
    /// The connection broke while the commit was under way: the change is there wholly or not at all, and nobody here
    /// knows which.
    Unknown(sqlx::Error),
    /// The work itself said no; nothing was changed.
    Refuse(E),
}

impl<E> TxError<E> {
    /// Rolls back with a refusal.
    pub fn refuse(reason: E) -> TxError<E> {
        TxError::Refuse(reason)
    }

    /// The same error with the refusal in other words.
    pub fn map<F>(self, words: impl FnOnce(E) -> F) -> TxError<F> {
        match self {
            TxError::Db(error) => TxError::Db(error),
            TxError::Unknown(error) => TxError::Unknown(error),
            TxError::Refuse(reason) => TxError::Refuse(words(reason)),
        }
    }
}

impl<E> From<sqlx::Error> for TxError<E> {
    fn from(error: sqlx::Error) -> Self {
        TxError::Db(error)
    }
}

impl<E: fmt::Debug> fmt::Display for TxError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TxError::Db(error) => write!(f, "database: {error}"),
            TxError::Unknown(error) => write!(f, "commit of unknown outcome: {error}"),
            TxError::Refuse(reason) => write!(f, "refused: {reason:?}"),
        }
    }
}

impl<E: fmt::Debug> std::error::Error for TxError<E> {}

impl<E: Into<Problem>> From<TxError<E>> for Problem {
    fn from(error: TxError<E>) -> Problem {
        match error {
            TxError::Refuse(reason) => reason.into(),
            TxError::Unknown(error) => unavailable(error),
            TxError::Db(error) if is_outage(&error) => unavailable(error),
            TxError::Db(error) => Problem::internal(error),
        }
    }
}

fn unavailable(error: sqlx::Error) -> Problem {
    Problem::unavailable(
        "DATABASE_UNAVAILABLE",
        Text::new(
            "잠시 후 다시 시도해 주세요.",
            "The database is away for the moment; try again.",
        ),
    )
    .caused_by(error)
}

/// The database is away or overloaded, as opposed to: it did not like the statement.
pub(crate) fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_) => true,
        // 1040 too many connections, 1053 shutdown in progress, 1205 lock wait timeout, 1213 deadlock, 1290 read-only
        // (a fail-over under way), 1317 interrupted, 1927 connection killed, 4031 ended because we said nothing for too long.
        _ => matches!(
            number(error),
            Some(1040 | 1053 | 1205 | 1213 | 1290 | 1317 | 1927 | 4031)
        ),
    }
}

/// The server's error number.
pub(crate) fn number(error: &sqlx::Error) -> Option<u16> {
    let sqlx::Error::Database(error) = error else {
        return None;
    };
    error
        .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
        .map(|error| error.number())
}

/// The name of the unique key or check that a statement would have violated.
pub fn constraint(error: &sqlx::Error) -> Option<String> {
    let message = match error {
        sqlx::Error::Database(error) => error.message(),
        _ => return None,
    };
    let name = match number(error)? {
        // Duplicate entry 'x' for key 'uq_name' (MySQL 8 says 'table.uq_name').
        1062 => message.rsplit('\'').nth(1)?.rsplit('.').next()?,
        // MariaDB: CONSTRAINT `ck_name` failed for `schema`.`table`
        4025 => message.split('`').nth(1)?,
        // MySQL: Check constraint 'ck_name' is violated.
        3819 => message.split('\'').nth(1)?,
        _ => return None,
    };
    Some(name.to_owned())
}

/// Whether a statement failed because of this unique key (`PRIMARY` for the primary one).
pub fn is_duplicate(error: &sqlx::Error, key: &str) -> bool {
    number(error) == Some(1062)
        && constraint(error).is_some_and(|name| name.eq_ignore_ascii_case(key))
}

/// Whether a statement failed because it would have written NULL where none may be: a guard of
/// [`Db::run_ending`](crate::Db::run_ending) that said no.
pub fn is_null_refused(error: &sqlx::Error) -> bool {
    number(error) == Some(1048)
}
