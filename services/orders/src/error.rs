//! Refusals and their answers.

use std::time::Duration;

use mall_clock::Zone;
use mall_http_client::CallError;
use mall_problem::{FieldErrors, Problem};
use mall_stock_api::codes;

use crate::domain::line;
use crate::messages;

/// Somebody else's order, or none at all.
pub fn not_found() -> Problem {
    Problem::not_found("ORDER_NOT_FOUND", messages::ORDER_NOT_FOUND)
}

/// 406: the order does not wait for its payment.
pub fn not_payable() -> Problem {
    Problem::not_acceptable("ORDER_NOT_PAYABLE", messages::ORDER_NOT_PAYABLE)
}

/// 503: nobody knows yet what the payment came to.
pub fn unsettled() -> Problem {
    Problem::unavailable("PAYMENT_UNSETTLED", messages::PAYMENT_UNSETTLED)
        .retry_after(Duration::from_secs(5))
}

/// The lines can't be ordered.
pub fn unorderable(refusal: line::Refusal, zone: Zone) -> Problem {
    match refusal {
        line::Refusal::Unknown(product) => {
            Problem::not_found("PRODUCT_NOT_FOUND", messages::PRODUCT_NOT_FOUND)
                .with_extra("productId", product.0)
        }
        line::Refusal::NotYetOpen(product, opens) => {
            Problem::conflict("NOT_YET_OPEN", messages::NOT_YET_OPEN)
                .with_extra("productId", product.0)
                .with_extra("openDateTime", opens.map(|opens| zone.show(opens)))
        }
        line::Refusal::TooExpensive => {
            let mut errors = FieldErrors::new();
            errors.add("quantity", messages::ORDER_TOO_EXPENSIVE);
            errors.problem()
        }
    }
}

/// A question (not a change) that another service did not answer. Its refusals are our mistake, never the shopper's.
pub fn unanswered(error: CallError) -> Problem {
    if error.is_definite_refusal() {
        Problem::internal(error)
    } else {
        error.into()
    }
}

/// What stock said no to. Sold out, too few and unknown reach the shopper as they are.
pub fn unreserved(error: CallError) -> Problem {
    match &error {
        CallError::Status { problem, .. } if problem.code == codes::STOCK_UNKNOWN => {
            Problem::not_found("PRODUCT_NOT_FOUND", messages::PRODUCT_NOT_FOUND)
        }
        CallError::Status { problem, .. } if problem.code == codes::RESERVATION_CLOSED => {
            too_late()
        }
        CallError::Status { problem, .. } if problem.status == 409 => error.into(),
        _ if error.is_definite_refusal() => {
            Problem::unavailable("STOCK_UNAVAILABLE", messages::STOCK_AWAY).caused_by(error)
        }
        _ => error.into(),
    }
}

/// 503: the reservation was given back before the order could be written.
pub fn too_late() -> Problem {
    Problem::unavailable("PLACING_TOOK_TOO_LONG", messages::PLACING_TOOK_TOO_LONG)
}
