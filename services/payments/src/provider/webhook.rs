//! What a provider tells by itself, after its adapter has checked who says it.

use mall_types::{OrderId, Won};

/// A webhook about a payment. A hint to look, never a reason to change anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The provider's id of the event; it stays when the event is sent again.
    pub id: String,
    /// SHA-256 in hexadecimal of what was signed: the same message has the same one.
    pub digest: String,
    /// What kind of event, in the provider's words.
    pub kind: String,
    /// The state that it tells, in the provider's words; empty when it tells none.
    pub status: String,
    /// The order; `None` when the provider's order number is none of ours.
    pub order: Option<OrderId>,
    /// The key of the payment window.
    pub payment_key: Option<String>,
    /// Whether the state that it tells is an end: then there is an outcome to find.
    pub is_final: bool,
    /// The amount that it tells.
    pub amount: Option<Won>,
}

/// What an adapter makes of a webhook that it lets in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// About a payment.
    Payment(Event),
    /// About something else, which this service has nothing to do with: its kind.
    Other(String),
}

/// Why a webhook is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It carries no signature where one is required, or one that is not the provider's. What is wrong.
    Forged(&'static str),
    /// It was signed too long ago, or in the future.
    Stale,
    /// It can't be understood: the field, and what is wrong with it.
    Malformed(&'static str),
}
