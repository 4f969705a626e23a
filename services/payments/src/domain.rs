//! What a payment and its refund can be, and how they get there: the one table of it. `store/` changes a state only by
//! compare-and-set along an edge of this table, and a test holds the README to it.
//!
//! | what | from | to | when |
//! |---|---|---|---|
//! | payment | - | `UNKNOWN` | the row is written, before the provider is called |
//! | payment | `UNKNOWN` | `CAPTURED` | the provider says that it has the money |
//! | payment | `UNKNOWN` | `DECLINED` | the provider says that it has not and never will |
//! | refund | - | `UNKNOWN` | the row is written, before the provider is called; its payment is `CAPTURED` |
//! | refund | `UNKNOWN` | `REFUNDED` | the provider says that the money went back |
//!
//! `CAPTURED`, `DECLINED` and `REFUNDED` are for good. A payment that was given back stays `CAPTURED`, with a refund that is
//! `REFUNDED`. A refund that the provider refuses stays `UNKNOWN` with the provider's code as its `reason`: the shopper's
//! money is still owed, so it is asked again, ever more seldom, and shows in the metric `mall.payments.unsettled`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mall_payments_api::{PaymentState, RefundState};

/// The edges of payments.
pub const PAYMENT_STEPS: [(PaymentState, PaymentState); 2] = [
    (PaymentState::Unknown, PaymentState::Captured),
    (PaymentState::Unknown, PaymentState::Declined),
];

/// The edges of refunds.
pub const REFUND_STEPS: [(RefundState, RefundState); 1] =
    [(RefundState::Unknown, RefundState::Refunded)];

/// The stored word for a payment's state.
pub fn payment_word(state: PaymentState) -> &'static str {
    match state {
        PaymentState::Unknown => "UNKNOWN",
        PaymentState::Captured => "CAPTURED",
        PaymentState::Declined => "DECLINED",
    }
}

/// The stored word for a refund's state.
pub fn refund_word(state: RefundState) -> &'static str {
    match state {
        RefundState::Unknown => "UNKNOWN",
        RefundState::Refunded => "REFUNDED",
    }
}

/// The payment's state of a stored word.
pub fn payment_state(word: &str) -> Option<PaymentState> {
    use PaymentState::{Captured, Declined, Unknown};
    [Unknown, Captured, Declined]
        .into_iter()
        .find(|state| payment_word(*state) == word)
}

/// The refund's state of a stored word.
pub fn refund_state(word: &str) -> Option<RefundState> {
    use RefundState::{Refunded, Unknown};
    [Unknown, Refunded]
        .into_iter()
        .find(|state| refund_word(*state) == word)
}

/// What a call of the provider was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Take the money.
    Charge,
    /// Look what a charge came to.
    Find,
    /// Give the money back.
    Refund,
    /// Look whether it went back.
    FindRefund,
}

impl Kind {
    /// The stored word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Charge => "CHARGE",
            Kind::Find => "FIND",
            Kind::Refund => "REFUND",
            Kind::FindRefund => "FIND_REFUND",
        }
    }
}

/// Who wanted to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedBy {
    /// Another service.
    Call,
    /// Our job.
    Job,
    /// A webhook of the provider.
    Webhook,
}

impl AskedBy {
    /// The stored word.
    pub fn word(self) -> &'static str {
        match self {
            AskedBy::Call => "CALL",
            AskedBy::Job => "JOB",
            AskedBy::Webhook => "WEBHOOK",
        }
    }
}

/// When to ask again after `attempts` calls without an outcome: `first` after the first, then twice as long each time, up to
/// `most`.
pub fn ask_again(
    now: DateTime<Utc>,
    attempts: u32,
    first: Duration,
    most: Duration,
) -> DateTime<Utc> {
    let doublings = attempts.saturating_sub(1).min(20);
    let wait = first.saturating_mul(1 << doublings).min(most);
    chrono::Duration::from_std(wait)
        .ok()
        .and_then(|wait| now.checked_add_signed(wait))
        .unwrap_or(now)
}

/// Whether this can be the key of a provider's payment window; it becomes part of a URL.
pub fn is_payment_key(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_their_states() {
        for (from, to) in PAYMENT_STEPS {
            assert_eq!(payment_state(payment_word(from)), Some(from));
            assert_eq!(payment_state(payment_word(to)), Some(to));
        }
        for (from, to) in REFUND_STEPS {
            assert_eq!(refund_state(refund_word(from)), Some(from));
            assert_eq!(refund_state(refund_word(to)), Some(to));
        }
        assert_eq!(payment_state("REFUNDED"), None);
        assert_eq!(refund_state(""), None);
    }

    #[test]
    fn only_the_unknown_changes() {
        assert!(
            PAYMENT_STEPS
                .iter()
                .all(|(from, to)| *from == PaymentState::Unknown && to != from)
        );
        assert!(
            REFUND_STEPS
                .iter()
                .all(|(from, to)| *from == RefundState::Unknown && to != from)
        );
    }

    /// The README shows the same edges, and no other.
    #[test]
    fn the_readme_has_the_same_table() {
        let readme = include_str!("../README.md");
        let mut told: Vec<&str> = readme
            .lines()
            .filter(|line| line.starts_with("| payment |") || line.starts_with("| refund |"))
            .filter(|line| !line.contains("| - |"))
            .collect();
        let payments = PAYMENT_STEPS.map(|(from, to)| {
            let (from, to) = (payment_word(from), payment_word(to));
            format!("| payment | `{from}` | `{to}` |")
        });
        let refunds = REFUND_STEPS.map(|(from, to)| {
            let (from, to) = (refund_word(from), refund_word(to));
            format!("| refund | `{from}` | `{to}` |")
        });
        for edge in payments.iter().chain(&refunds) {
            let at = told.iter().position(|line| line.starts_with(edge.as_str()));
            told.remove(at.unwrap_or_else(|| panic!("README.md lacks {edge}")));
        }
        assert!(told.is_empty(), "README.md has more: {told:?}");
    }

    #[test]
    fn the_wait_doubles_up_to_the_most() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let wait = |attempts| {
            let first = Duration::from_secs(10);
            let most = Duration::from_secs(60);
            (ask_again(now, attempts, first, most) - now).num_seconds()
        };
        assert_eq!([0, 1, 2, 3, 4, 400].map(wait), [10, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn keys_can_not_leave_their_place_in_a_url() {
        assert!(is_payment_key("tgen_20261124-Ab"));
        for bad in [
            "",
            "..",
            "a/b",
            "a?b",
            "a b",
            "a%2F",
            "키",
            &"x".repeat(201),
        ] {
            assert!(!is_payment_key(bad), "{bad:?}");
        }
    }
}
