//! How refusals and failures look on the wire.

use std::time::Duration;

use chrono::SecondsFormat;
use mall_problem::{ErrorKind, Problem};
use mall_stock_api::codes;

use crate::domain::{BadOrder, Refusal};
use crate::failure::Failure;
use crate::messages;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SoldOut(product) => Problem::conflict(codes::SOLD_OUT, messages::SOLD_OUT)
                .with_extra("productId", product.0)
                .with_extra("available", 0),
            Refusal::Insufficient { product, available } => {
                Problem::conflict(codes::INSUFFICIENT_STOCK, messages::INSUFFICIENT_STOCK)
                    .with_extra("productId", product.0)
                    .with_extra("available", available)
            }
            Refusal::NotYetOpen { product, opens } => {
                Problem::conflict(codes::NOT_YET_OPEN, messages::NOT_YET_OPEN)
                    .with_extra("productId", product.0)
                    .with_extra(
                        "openDateTime",
                        opens.to_rfc3339_opts(SecondsFormat::AutoSi, true),
                    )
            }
            Refusal::OverLimit {
                product,
                limit,
                remaining,
            } => Problem::conflict(
                codes::PURCHASE_LIMIT_EXCEEDED,
                messages::PURCHASE_LIMIT_EXCEEDED,
            )
            .with_extra("productId", product.0)
            .with_extra("limit", limit)
            .with_extra("remaining", remaining),
            Refusal::ProductUnknown(product) => {
                Problem::not_found(codes::STOCK_UNKNOWN, messages::STOCK_UNKNOWN)
                    .with_extra("productId", product.0)
            }
            Refusal::ReservationUnknown => {
                Problem::not_found(codes::RESERVATION_UNKNOWN, messages::RESERVATION_UNKNOWN)
            }
            Refusal::Closed => {
                Problem::conflict(codes::RESERVATION_CLOSED, messages::RESERVATION_CLOSED)
            }
            Refusal::ReservationMismatch => {
                Problem::conflict(codes::RESERVATION_MISMATCH, messages::RESERVATION_MISMATCH)
            }
            Refusal::AdjustmentMismatch => {
                Problem::conflict(codes::ADJUSTMENT_MISMATCH, messages::ADJUSTMENT_MISMATCH)
            }
            Refusal::BelowZero { product, available } => {
                Problem::conflict(codes::STOCK_BELOW_ZERO, messages::STOCK_BELOW_ZERO)
                    .with_extra("productId", product.0)
                    .with_extra("available", available)
            }
            Refusal::TooMany(product) => {
                Problem::conflict(codes::STOCK_TOO_LARGE, messages::STOCK_TOO_LARGE)
                    .with_extra("productId", product.0)
            }
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refusal.into(),
            Failure::LockTimeout | Failure::Crowded => Problem::new(
                ErrorKind::Unavailable,
                codes::LOCK_TIMEOUT,
                messages::LOCK_TIMEOUT,
            )
            .retry_after(Duration::from_secs(1)),
            Failure::Redis(error) => {
                Problem::unavailable(codes::STOCK_UNAVAILABLE, messages::STOCK_UNAVAILABLE)
                    .caused_by(error)
            }
            Failure::Database(problem) => *problem,
        }
    }
}

impl From<BadOrder> for Problem {
    fn from(bad: BadOrder) -> Self {
        let (field, message) = match bad {
            BadOrder::Id => ("reservationId", messages::BAD_ID),
            BadOrder::Lines => ("lines", messages::BAD_LINES),
            BadOrder::Twice => ("lines", messages::PRODUCT_TWICE),
            BadOrder::Quantity => ("quantity", messages::BAD_QUANTITY),
        };
        let mut errors = mall_problem::FieldErrors::new();
        errors.add(field, message);
        errors.problem()
    }
}
