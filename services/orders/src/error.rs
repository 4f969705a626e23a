//! Refusals and their answers.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mall_clock::Zone;
use mall_db::TxError;
use mall_http_client::CallError;
use mall_problem::{FieldErrors, Problem};
use mall_stock_api::codes;
use mall_types::{ProductId, Won};

use crate::domain::line;
use crate::domain::status::Status;
use crate::messages;

/// Somebody else's order, or none at all.
pub fn not_found() -> Problem {
    Problem::not_found("ORDER_NOT_FOUND", messages::ORDER_NOT_FOUND)
}

/// 406: the order does not wait for its payment.
pub fn not_payable() -> Problem {
    Problem::not_acceptable("ORDER_NOT_PAYABLE", messages::ORDER_NOT_PAYABLE)
}

/// 409: a payment is under way, and will be over in a moment.
pub fn payment_in_progress() -> Problem {
    Problem::conflict("PAYMENT_IN_PROGRESS", messages::PAYMENT_IN_PROGRESS)
        .retry_after(Duration::from_secs(5))
}

/// 409: the shopper was shown another amount than the order's total.
pub fn amount_mismatch(total: Won) -> Problem {
    Problem::conflict("PAYMENT_AMOUNT_MISMATCH", messages::PAYMENT_AMOUNT_MISMATCH)
        .with_extra("total", total.0)
}

/// 409: the provider refused, and the order is cancelled.
pub fn declined(reason: Option<String>) -> Problem {
    Problem::conflict("PAYMENT_DECLINED", messages::PAYMENT_DECLINED).with_extra("reason", reason)
}

/// 406: the table of transitions has no such move by hand.
pub fn not_movable(from: Status, to: Status) -> Problem {
    Problem::not_acceptable("ORDER_NOT_MOVABLE", messages::ORDER_NOT_MOVABLE)
        .with_extra("from", from.as_str())
        .with_extra("to", to.as_str())
}

/// No effect that was given up has this number.
pub fn no_dead_letter() -> Problem {
    Problem::not_found("DEAD_LETTER_NOT_FOUND", messages::DEAD_LETTER_NOT_FOUND)
}

/// What the outbox's table failed of.
pub fn database(error: sqlx::Error) -> Problem {
    TxError::<Infallible>::Db(error).into()
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

/// 409, as stock says it.
pub fn sold_out(product: ProductId) -> Problem {
    Problem::conflict(codes::SOLD_OUT, messages::SOLD_OUT)
        .with_extra("productId", product.0)
        .with_extra("available", 0)
}

/// The product of which stock said that nothing is left.
pub fn said_sold_out(error: &CallError) -> Option<ProductId> {
    match error {
        CallError::Status { problem, .. } if problem.code == codes::SOLD_OUT => {
            problem.extra.get("productId")?.as_i64().map(ProductId)
        }
        _ => None,
    }
}

/// Stock says that nothing can be reserved under this id: it was given back, or has other lines (those of a cart that has changed
/// since an earlier attempt).
pub fn said_closed(error: &CallError) -> bool {
    let closed = [codes::RESERVATION_CLOSED, codes::RESERVATION_MISMATCH];
    error.code().is_some_and(|code| closed.contains(&code))
}

/// What stock said no to. Sold out, too few and unknown reach the shopper as they are.
pub fn unreserved(error: CallError, zone: Zone) -> Problem {
    match &error {
        // Only when products and stock don't agree on the time; the shopper reads it as products tells it.
        CallError::Status { problem, .. } if problem.code == codes::NOT_YET_OPEN => {
            let extra = |key: &str| problem.extra.get(key);
            let product = extra("productId").and_then(serde_json::Value::as_i64);
            let opens = extra("openDateTime").and_then(serde_json::Value::as_str);
            let opens = opens.and_then(|text| text.parse::<DateTime<Utc>>().ok());
            Problem::conflict("NOT_YET_OPEN", messages::NOT_YET_OPEN)
                .with_extra("productId", product)
                .with_extra("openDateTime", opens.map(|opens| zone.show(opens)))
        }
        CallError::Status { problem, .. } if problem.code == codes::STOCK_UNKNOWN => {
            Problem::not_found("PRODUCT_NOT_FOUND", messages::PRODUCT_NOT_FOUND)
        }
        _ if said_closed(&error) => too_late(),
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
