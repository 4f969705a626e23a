//! The port to whoever moves the money. What may be believed, and why: `docs/adr/0008-payment-providers.md`.

pub(crate) mod simulated;
pub(crate) mod toss;
pub mod webhook;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use mall_payments_api::Simulate;
use mall_types::{OrderId, UserId, Won};

use webhook::{Heard, Refused};

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
    /// What the shopper brought from the provider's payment window, see [`Provider::wants_payment_key`].
    pub payment_key: Option<String>,
    /// Whether the provider was never called for this payment before.
    pub first: bool,
    /// What the simulated provider shall play.
    pub simulate: Simulate,
}

/// Giving the money of a charge back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiveBack {
    /// The charge.
    pub charge: Charge,
    /// What the provider called the charge, see [`Verdict::Captured`].
    pub reference: Option<String>,
    /// The provider gives the money back at most once for this key. After a refusal the next call has another one: all of
    /// the money goes back at once, so the provider can do it only once under any key.
    pub key: String,
    /// How much, in whole KRW: the charge's whole amount.
    pub amount: Won,
    /// Whether the provider was never called for this refund before.
    pub first: bool,
}

/// What a charge came to, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The money is taken. With the provider's name for the charge, when it has one of its own.
    Captured(Option<String>),
    /// Refused, with a stable code such as `LIMIT_EXCEEDED` (at most 64 letters): nothing is taken, and never will be.
    Declined(String),
}

/// What looking for a charge found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is over.
    Settled(Verdict),
    /// The provider knows it, and nothing is taken yet.
    Open,
    /// The provider knows no such charge.
    Nothing,
}

/// The provider gave no answer to go by: it may or may not have done it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer is not known: {why}")]
pub struct Unknown {
    /// Ours: `TIMEOUT`, `UNREACHABLE`, `UNREADABLE` and so on.
    pub code: &'static str,
    /// What happened, for the log.
    pub why: String,
    /// The provider's own code, where it gave one.
    pub theirs: Option<String>,
}

impl Unknown {
    /// Without a code of the provider.
    pub fn new(code: &'static str, why: impl Into<String>) -> Unknown {
        let (why, theirs) = (why.into(), None);
        Unknown { code, why, theirs }
    }

    /// The code to keep, at most 64 letters.
    pub fn stored(&self) -> String {
        let code = self.theirs.as_deref().unwrap_or(self.code);
        code.chars().take(64).collect()
    }
}

/// Moves money. Every call may be repeated with the same keys and then changes nothing more. Nothing here is ever guessed:
/// what an adapter can't tell for certain is [`Unknown`].
#[async_trait]
pub trait Provider: Send + Sync {
    /// The adapter's name, kept with each payment, and in the path of its webhooks.
    fn name(&self) -> &'static str;

    /// Whether a charge needs a key that the shopper brings from the provider's payment window.
    fn wants_payment_key(&self) -> bool {
        false
    }

    /// Takes the money.
    async fn charge(&self, charge: &Charge) -> Result<Verdict, Unknown>;

    /// What became of a charge. Takes nothing.
    async fn find(&self, charge: &Charge) -> Result<Found, Unknown>;

    /// Gives the money back.
    async fn give_back(&self, back: &GiveBack) -> Result<(), Unknown>;

    /// Whether the money went back. Gives nothing.
    async fn find_back(&self, back: &GiveBack) -> Result<bool, Unknown>;

    /// Checks and reads a webhook; `None` from a provider that sends none.
    fn webhook(
        &self,
        _headers: &HeaderMap,
        _body: &[u8],
        _now: DateTime<Utc>,
    ) -> Option<Result<Heard, Refused>> {
        None
    }
}

/// The providers that there are: one takes new payments, and each sees to those that it began.
#[derive(Clone)]
pub struct Providers {
    current: Arc<dyn Provider>,
    all: BTreeMap<&'static str, Arc<dyn Provider>>,
}

impl Providers {
    /// `current` takes new payments.
    pub fn new(current: Arc<dyn Provider>) -> Providers {
        let all = BTreeMap::from([(current.name(), current.clone())]);
        Providers { current, all }
    }

    /// With another one, which sees to the payments that it began while it was the current one.
    #[must_use]
    pub fn with(mut self, other: Arc<dyn Provider>) -> Providers {
        self.all.entry(other.name()).or_insert(other);
        self
    }

    /// Takes new payments.
    pub fn current(&self) -> &Arc<dyn Provider> {
        &self.current
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.all.get(name)
    }
}
