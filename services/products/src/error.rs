//! How refusals look on the wire.

use std::time::Duration;

use mall_problem::Problem;

use crate::domain::Refusal;
use crate::messages;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown => {
                Problem::not_found("PRODUCT_NOT_FOUND", messages::PRODUCT_NOT_FOUND)
            }
            Refusal::StockNotReady => {
                Problem::unavailable("STOCK_NOT_READY", messages::STOCK_NOT_READY)
                    .retry_after(Duration::from_secs(2))
            }
        }
    }
}
