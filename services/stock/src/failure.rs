//! Why an operation came to nothing, or may have.

use mall_db::TxError;
use mall_problem::Problem;

use crate::domain::Refusal;
use crate::hot::HotError;

/// What an operation can end in, besides success. One failure can answer a whole batch, hence `Clone`.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A definite no; nothing changed.
    Refused(Refusal),
    /// The product's lock was not to be had in time; nothing changed.
    LockTimeout,
    /// Too many requests wait for this product; nothing changed.
    Crowded,
    /// Redis is away. What was asked may be under way; it is undone unless it is booked.
    Redis(String),
    /// MySQL is away or failed.
    Database(Box<Problem>),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<HotError> for Failure {
    fn from(error: HotError) -> Self {
        match error {
            HotError::LockTimeout => Self::LockTimeout,
            HotError::Away(error) => Self::Redis(error),
        }
    }
}

impl From<TxError<Refusal>> for Failure {
    fn from(error: TxError<Refusal>) -> Self {
        match error {
            TxError::Refuse(refusal) => Self::Refused(refusal),
            other => Self::Database(Box::new(other.into())),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "refused: {refusal:?}"),
            Self::LockTimeout => f.write_str("lock not to be had in time"),
            Self::Crowded => f.write_str("too many are waiting"),
            Self::Redis(error) => write!(f, "redis: {error}"),
            Self::Database(problem) => {
                write!(f, "database: {}", problem.cause_chain().unwrap_or_default())
            }
        }
    }
}

impl std::error::Error for Failure {}
