//! The port to whoever moves the money.

pub(crate) mod simulated;

use async_trait::async_trait;
use mall_payments_api::Simulate;
use mall_types::{OrderId, UserId, Won};

/// A charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The provider knows the charge by this key and takes the money for it at most once.
    pub key: String,
    /// The order, for the shopper's statement.
    pub order: OrderId,
    /// Who pays.
    pub user: UserId,
    /// How much, in whole KRW.
    pub amount: Won,
    /// What the simulated provider shall play.
    pub simulate: Simulate,
}

/// Giving the money of a charge back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiveBack {
    /// The charge.
    pub charge_key: String,
    /// The provider gives the money back at most once for this key.
    pub key: String,
    /// How much, in whole KRW: the charge's whole amount.
    pub amount: Won,
}

/// What a charge came to, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The money is taken.
    Captured,
    /// Refused, with a stable code such as `LIMIT_EXCEEDED` (at most 64 letters).
    Declined(String),
}

/// The provider gave no answer to go by: it may or may not have done it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer is not known: {0}")]
pub struct Unknown(pub String);

/// Moves money. Every call may be repeated with the same keys and then changes nothing more.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The adapter's name, kept with each payment.
    fn name(&self) -> &'static str;

    /// Takes the money.
    async fn charge(&self, charge: &Charge) -> Result<Verdict, Unknown>;

    /// What became of a charge; `None` when the provider knows no such key. Takes nothing.
    async fn find(&self, key: &str) -> Result<Option<Verdict>, Unknown>;

    /// Gives the money back.
    async fn give_back(&self, back: &GiveBack) -> Result<(), Unknown>;
}
