//! Refusals and their answers.

use std::time::Duration;

use mall_problem::{ErrorKind, Problem};

use crate::messages;
use crate::security::{PasswordError, VaultError};

/// Why an operation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the e-mail has an account")]
    EmailTaken,
    #[error("unknown e-mail or wrong password")]
    LoginFailed,
    #[error("the e-mail is not verified")]
    EmailNotVerified,
    #[error("no good verification key")]
    VerificationFailed,
    #[error("no refresh cookie")]
    RefreshCookieMissing,
    #[error("no good refresh token")]
    RefreshRefused,
    #[error("the refresh token was used a moment ago")]
    RefreshRaced,
    #[error("no such user")]
    UserNotFound,
    #[error("no such product")]
    ProductNotFound,
    #[error("already on the wish list")]
    AlreadyWished,
    #[error("not on the wish list")]
    WishNotFound,
    #[error("the wish list is full")]
    WishListFull,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::EmailTaken => Problem::conflict("EMAIL_TAKEN", messages::EMAIL_TAKEN),
            Refusal::LoginFailed => {
                Problem::unauthenticated("LOGIN_FAILED", messages::LOGIN_FAILED)
            }
            Refusal::EmailNotVerified => {
                Problem::unauthenticated("EMAIL_NOT_VERIFIED", messages::EMAIL_NOT_VERIFIED)
            }
            Refusal::VerificationFailed => {
                Problem::unauthenticated("VERIFICATION_FAILED", messages::VERIFICATION_FAILED)
            }
            Refusal::RefreshCookieMissing => {
                Problem::invalid("REFRESH_COOKIE_MISSING", messages::REFRESH_COOKIE_MISSING)
            }
            Refusal::RefreshRefused => {
                Problem::unauthenticated("REFRESH_REFUSED", messages::REFRESH_REFUSED)
            }
            Refusal::RefreshRaced => Problem::conflict("REFRESH_RACED", messages::REFRESH_RACED)
                .retry_after(Duration::from_secs(1)),
            Refusal::UserNotFound => Problem::not_found("USER_NOT_FOUND", messages::USER_NOT_FOUND),
            Refusal::ProductNotFound => {
                Problem::not_found("PRODUCT_NOT_FOUND", messages::PRODUCT_NOT_FOUND)
            }
            Refusal::AlreadyWished => Problem::conflict("ALREADY_WISHED", messages::ALREADY_WISHED),
            Refusal::WishNotFound => Problem::not_found("WISH_NOT_FOUND", messages::WISH_NOT_FOUND),
            Refusal::WishListFull => Problem::conflict("WISH_LIST_FULL", messages::WISH_LIST_FULL),
        }
    }
}

/// The address has been sent enough mails for now. The same code as the gateway's limits have.
pub fn too_many_mails(wait: Duration) -> Problem {
    Problem::new(ErrorKind::TooMany, "RATE_LIMITED", messages::TOO_MANY_MAILS).retry_after(wait)
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Problem::new(ErrorKind::Unavailable, "BUSY", messages::BUSY)
                .retry_after(Duration::from_secs(2))
                .caused_by(error),
            PasswordError::Unreadable | PasswordError::Failed => Problem::internal(error),
        }
    }
}

impl From<VaultError> for Problem {
    fn from(error: VaultError) -> Self {
        Problem::internal(error)
    }
}
