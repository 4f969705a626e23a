//! Who is asking.
//!
//! Two kinds of statements, both JWTs signed with HS256 and nothing else:
//!
//! * **Tokens of people** ([`TokenKeys`], key `jwt.secret`): the access token that a shopper sends, and the refresh
//!   token in the cookie. Neither is taken where the other belongs.
//! * **Statements between our programs** ([`InternalKeys`], key `mall.internal.key`): the gateway says whom it let in
//!   ([`Identity`], header [`IDENTITY_HEADER`]), and a service says which service it is (header [`SERVICE_HEADER`]).
//!   They live a minute and name the service that they are for; no other believes them. Headers of that name from outside
//!   never pass the gateway.
//!
//! Handlers take [`Shopper`], [`Admin`], [`Caller`] or [`PeerService`]; the service stack has verified the headers before.

mod extract;
mod hs256;
mod internal;
mod memory;
mod tokens;

pub use extract::{Admin, Caller, PeerService, Shopper, forbidden, unauthenticated};
pub use internal::{IDENTITY_HEADER, Identity, InternalKeys, Reader, SERVICE_HEADER};
pub use tokens::{AccessToken, RefreshToken, TokenKeys};

/// Why a signed statement is not believed. Deliberately coarse: the client is told 401, the log a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a JWT, a wrong algorithm, a wrong signature, or claims that are absent or of another kind of token.
    #[error("not one of our tokens")]
    Invalid,
    /// Was good once.
    #[error("expired")]
    Expired,
    /// Issued in the future: a clock is wrong somewhere, or it is forged.
    #[error("issued in the future")]
    NotYet,
}

/// A signing key that is too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at least {MIN_KEY_BYTES} bytes long")]
pub struct WeakKey;

/// RFC 7518, section 3.2: a key of the hash's size or larger.
pub const MIN_KEY_BYTES: usize = 32;
