//! The operations, one per file.

pub mod advance;
pub mod by_hand;
pub mod combine;
pub mod fence;
pub mod marks;
pub mod offers;
pub mod pay;
pub mod place;
pub mod place_cart;
pub mod repeat;
pub mod request;
pub mod settle;
pub mod step;
pub mod view;

use mall_problem::Problem;

/// Runs an operation to its end even when its caller goes away: a shopper who closes the page between two effects must not
/// leave the second one to the jobs.
pub async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Problem>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(mall_telemetry::trace::carry(work)).await {
        Ok(result) => result,
        Err(error) => Err(Problem::internal(error)),
    }
}
