//! The route table. Shoppers pay through orders; from outside come only providers' webhooks and admins.

mod admin_payment;
mod pay;
mod payment;
mod refund;
mod webhook;

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
        .routes(routes!(webhook::webhook))
        .routes(routes!(admin_payment::admin_payment))
        .with_state(payments)
}
