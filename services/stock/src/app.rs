//! The operations. Taking goes Redis first, then MySQL; giving back goes MySQL first, then Redis: so Redis never shows more
//! than MySQL has, and whatever dies in between leaves too few on the shelf for a moment, never too many.

pub mod adjust;
pub mod availability;
pub mod book;
pub mod combine;
pub mod confirm;
pub mod facts;
pub mod marks;
pub mod orphans;
pub(crate) mod readers;
pub mod rebuild;
pub mod reconcile;
pub mod release;
pub mod reserve;
pub mod sweep;
pub mod tidy;

use mall_problem::Problem;

use crate::failure::Failure;

/// Runs an operation to its end even when its caller goes away: between MySQL's step and Redis' nobody may walk off, or Redis
/// shows something else than MySQL has until the next reconciliation.
pub(crate) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(mall_telemetry::trace::carry(work)).await {
        Ok(result) => result.map_err(Problem::from),
        Err(error) => Err(Problem::internal(error)),
    }
}
