//! Refusals and their answers.

use mall_problem::Problem;

use crate::messages;

/// Why an operation on a cart was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no such product")]
    ProductNotFound,
    #[error("already in the cart")]
    AlreadyInCart,
    #[error("no such line, or not the caller's")]
    LineNotFound,
    #[error("the cart has as many lines as it may")]
    CartFull,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ProductNotFound => {
                Problem::not_found("PRODUCT_NOT_FOUND", messages::PRODUCT_NOT_FOUND)
            }
            Refusal::AlreadyInCart => {
                Problem::conflict("ALREADY_IN_CART", messages::ALREADY_IN_CART)
            }
            Refusal::LineNotFound => {
                Problem::not_found("CART_LINE_NOT_FOUND", messages::CART_LINE_NOT_FOUND)
            }
            Refusal::CartFull => Problem::conflict("CART_FULL", messages::CART_FULL),
        }
    }
}
