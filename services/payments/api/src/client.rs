//! The calls, as a trait, and over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use mall_http_client::{Call, CallClient, CallError};
use mall_types::OrderId;

use crate::SERVICE;
use crate::wire::{Pay, Payment, Refund, Refunded};

/// The settings' name of the breaker around the payment service.
const BREAKER: &str = "paymentServiceCircuitBreaker";
/// A provider may take seconds; orders keeps the rest of a shopper's patience for itself.
const DEADLINE: Duration = Duration::from_secs(8);

/// What the payment service does for others. Every call may be repeated.
#[async_trait]
pub trait PaymentsApi: Send + Sync {
    /// Takes the money for an order, once. 409 [`crate::PAYMENT_MISMATCH`] when the order's payment has another amount, buyer
    /// or payment key. 400 [`crate::PAYMENT_KEY_REQUIRED`] and 409 [`crate::PAYMENT_KEY_USED`] leave no payment behind.
    async fn pay(&self, pay: &Pay) -> Result<Payment, CallError>;

    /// Gives the money of an order back, once. 404 [`crate::PAYMENT_UNKNOWN`], 409 [`crate::PAYMENT_NOT_CAPTURED`], 409
    /// [`crate::REFUND_MISMATCH`].
    async fn refund(&self, order: OrderId, refund: &Refund) -> Result<Refunded, CallError>;

    /// The payment of an order; one of unknown outcome is asked from the provider again. 404
    /// [`crate::PAYMENT_UNKNOWN`].
    async fn payment(&self, order: OrderId) -> Result<Payment, CallError>;
}

/// The payment service over HTTP.
#[derive(Clone)]
pub struct HttpPayments {
    client: CallClient,
}

impl HttpPayments {
    /// Calls through `client`.
    pub fn new(client: CallClient) -> Self {
        Self { client }
    }
}

#[async_trait]
impl PaymentsApi for HttpPayments {
    async fn pay(&self, pay: &Pay) -> Result<Payment, CallError> {
        let call = Call::post(SERVICE, "/internal/payments")
            .json(pay)
            .idempotent();
        self.client
            .call(call.breaker(BREAKER).deadline(DEADLINE))
            .await?
            .json()
    }

    async fn refund(&self, order: OrderId, refund: &Refund) -> Result<Refunded, CallError> {
        let call = Call::post(SERVICE, format!("/internal/payments/{order}/refund"))
            .json(refund)
            .idempotent();
        self.client
            .call(call.breaker(BREAKER).deadline(DEADLINE))
            .await?
            .json()
    }

    async fn payment(&self, order: OrderId) -> Result<Payment, CallError> {
        let call = Call::get(SERVICE, format!("/internal/payments/{order}"));
        self.client
            .call(call.breaker(BREAKER).deadline(DEADLINE))
            .await?
            .json()
    }
}
