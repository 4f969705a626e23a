//! The route table. Everything is internal: shoppers pay through orders.

mod pay;
mod payment;
mod refund;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Payments;

/// All endpoints.
pub fn router(payments: Arc<Payments>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(pay::pay))
        .routes(routes!(payment::payment))
        .routes(routes!(refund::refund))
        .with_state(payments)
}
