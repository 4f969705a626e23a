//! The contract of the payment service.
//!
//! Owner: `services/payments` (registry name [`SERVICE`]). Callers: orders.
//!
//! Compatibility: fields are only added, and new ones are optional; readers ignore fields that they do not know.
//!
//! One order has at most one payment. `pay` may be repeated at will: the first call decides, later ones are told what it
//! came to. A payment whose outcome is not known stays [`PaymentState::Unknown`] until the provider has told; asking again
//! (by `pay` or `payment`) makes the service ask the provider again.

mod client;
mod wire;

pub use client::{HttpPayments, PaymentsApi};
pub use wire::{Lost, Pay, Payment, PaymentState, Refund, RefundState, Refunded, Simulate};

/// The name under which the payment service is registered.
pub const SERVICE: &str = "application-payment";

/// The amount or the buyer is not that of the payment that exists (409).
pub const PAYMENT_MISMATCH: &str = "PAYMENT_MISMATCH";
/// The provider wants a `paymentKey`, and none or no possible one came along (400). Nothing was written: a call with one is
/// free to come.
pub const PAYMENT_KEY_REQUIRED: &str = "PAYMENT_KEY_REQUIRED";
/// The `paymentKey` belongs to the payment of another order (409). Nothing was written.
pub const PAYMENT_KEY_USED: &str = "PAYMENT_KEY_USED";
/// There is no payment for the order (404).
pub const PAYMENT_UNKNOWN: &str = "PAYMENT_UNKNOWN";
/// Only a captured payment can be refunded (409).
pub const PAYMENT_NOT_CAPTURED: &str = "PAYMENT_NOT_CAPTURED";
/// The payment is refunded under another refund id or amount (409).
pub const REFUND_MISMATCH: &str = "REFUND_MISMATCH";
