//! What Toss's answers mean.

use mall_types::Won;
use serde::Deserialize;

use crate::provider::Unknown;

/// A `Payment` object, as much as is needed. Fields that are not known are ignored, those of a wrong type make the answer
/// unreadable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    pub payment_key: String,
    pub order_id: String,
    pub status: Status,
    pub total_amount: i64,
    /// What was not given back.
    pub balance_amount: i64,
    pub currency: String,
    #[serde(default)]
    cancels: Option<Vec<Cancel>>,
    #[serde(default)]
    failure: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancel {
    cancel_amount: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Failure {
    code: String,
}

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Made, the shopper has not agreed yet.
    Ready,
    /// The shopper has agreed; to be confirmed within ten minutes.
    InProgress,
    /// A virtual account waits for the money.
    WaitingForDeposit,
    /// The money is taken.
    Done,
    /// All of it went back.
    Canceled,
    /// Some of it went back.
    PartialCanceled,
    /// The confirmation failed.
    Aborted,
    /// Not confirmed in time.
    Expired,
    /// New at Toss since this was written.
    #[serde(other)]
    Other,
}

impl Status {
    /// Toss's word.
    pub fn word(self) -> &'static str {
        match self {
            Status::Ready => "READY",
            Status::InProgress => "IN_PROGRESS",
            Status::WaitingForDeposit => "WAITING_FOR_DEPOSIT",
            Status::Done => "DONE",
            Status::Canceled => "CANCELED",
            Status::PartialCanceled => "PARTIAL_CANCELED",
            Status::Aborted => "ABORTED",
            Status::Expired => "EXPIRED",
            Status::Other => "OTHER",
        }
    }

    /// Whether there is an outcome.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Status::Ready | Status::InProgress | Status::WaitingForDeposit
        )
    }
}

impl Payment {
    /// Whether it is about this much, in won.
    pub fn is_of(&self, amount: Won) -> bool {
        self.currency == "KRW" && self.total_amount == amount.0
    }

    /// Whether this much, and with it everything, went back.
    pub fn is_given_back(&self, amount: Won) -> bool {
        let cancels = self.cancels.as_deref().unwrap_or_default();
        let back: i64 = cancels.iter().map(|cancel| cancel.cancel_amount).sum();
        self.status == Status::Canceled && self.balance_amount == 0 && back == amount.0
    }

    /// Why it failed; at most 64 letters.
    pub fn failure_code(&self) -> Option<String> {
        let code = &self.failure.as_ref()?.code;
        Some(code.chars().take(64).collect())
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The payment.
    Payment(Payment),
    /// An error.
    No { status: u16, code: String },
}

/// Reads an answer's status and body.
pub fn read(status: u16, body: &[u8]) -> Result<Said, Unknown> {
    #[derive(Deserialize)]
    struct Error {
        code: String,
    }
    let unreadable =
        |error: serde_json::Error| Unknown::new("UNREADABLE", format!("status {status}: {error}"));
    if status == 200 {
        return Ok(Said::Payment(
            serde_json::from_slice(body).map_err(unreadable)?,
        ));
    }
    if !(400..600).contains(&status) {
        return Err(Unknown::new("UNREADABLE", format!("status {status}")));
    }
    match serde_json::from_slice::<Error>(body) {
        Ok(error) => {
            let code = error.code.chars().take(64).collect();
            Ok(Said::No { status, code })
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// An error by which nothing is known.
pub fn not_known(status: u16, code: String) -> Unknown {
    Unknown {
        code: "REFUSED",
        why: format!("Toss says {status} {code}"),
        theirs: Some(code),
    }
}

/// Codes of "결제 승인" that say no for good: card, bank or Toss looked at the payment and refused it.
const DECLINES: [&str; 25] = [
    "BELOW_MINIMUM_AMOUNT",
    "EXCEED_MAX_AMOUNT",
    "EXCEED_MAX_AUTH_COUNT",
    "EXCEED_MAX_CARD_INSTALLMENT_PLAN",
    "EXCEED_MAX_DAILY_PAYMENT_COUNT",
    "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT",
    "EXCEED_MAX_ONE_DAY_AMOUNT",
    "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT",
    "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT",
    "EXCEED_MAX_PAYMENT_AMOUNT",
    "FDS_ERROR",
    "INVALID_ACCOUNT_INFO_RE_REGISTER",
    "INVALID_CARD_EXPIRATION",
    "INVALID_CARD_LOST_OR_STOLEN",
    "INVALID_CARD_NUMBER",
    "INVALID_PASSWORD",
    "INVALID_REJECT_CARD",
    "INVALID_STOPPED_CARD",
    "NOT_ALLOWED_POINT_USE",
    "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT",
    "REJECT_ACCOUNT_PAYMENT",
    "REJECT_CARD_COMPANY",
    "REJECT_CARD_PAYMENT",
    "REJECT_TOSSPAY_INVALID_ACCOUNT",
    "RESTRICTED_TRANSFER_ACCOUNT",
];

/// Whether a confirmation's error says that nothing is taken, and never will be under its key.
pub fn is_decline(code: &str) -> bool {
    DECLINES.contains(&code)
}

/// Whether an error says that the request itself can't be right. Believed only when the payment, looked at, shows that
/// nothing was taken.
pub fn is_refusal_of_the_request(code: &str) -> bool {
    [
        "INVALID_REQUEST",
        "NOT_FOUND_PAYMENT",
        "NOT_FOUND_PAYMENT_SESSION",
    ]
    .contains(&code)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payment(change: serde_json::Value) -> Payment {
        let mut body = json!({
            "version": "2022-11-16", "paymentKey": "k", "orderId": "order-1", "orderName": "x", "status": "DONE",
            "totalAmount": 5000, "balanceAmount": 5000, "currency": "KRW", "cancels": null, "failure": null,
        });
        let fields = change.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(fields);
        match read(200, body.to_string().as_bytes()).unwrap() {
            Said::Payment(payment) => payment,
            said => panic!("{said:?}"),
        }
    }

    #[test]
    fn money_is_back_only_when_all_of_it_is() {
        let cancel = |amount: i64| json!([{"cancelAmount": amount, "cancelReason": "x"}]);
        let full = json!({"status": "CANCELED", "balanceAmount": 0, "cancels": cancel(5000)});
        assert!(payment(full).is_given_back(Won(5000)));
        for not in [
            json!({}),
            json!({"status": "CANCELED", "balanceAmount": 0}),
            json!({"status": "CANCELED", "balanceAmount": 0, "cancels": cancel(4000)}),
            json!({"status": "PARTIAL_CANCELED", "balanceAmount": 1000, "cancels": cancel(4000)}),
        ] {
            assert!(!payment(not.clone()).is_given_back(Won(5000)), "{not}");
        }
    }

    #[test]
    fn other_money_is_not_ours() {
        assert!(payment(json!({})).is_of(Won(5000)));
        assert!(!payment(json!({"totalAmount": 4999})).is_of(Won(5000)));
        assert!(!payment(json!({"currency": "USD"})).is_of(Won(5000)));
    }

    #[test]
    fn what_can_not_be_read_is_not_guessed() {
        for (status, body) in [
            (200, "{}"),
            (200, ""),
            (200, r#"{"code":"REJECT_CARD_PAYMENT","message":"x"}"#),
            (302, ""),
            (204, ""),
            (500, "<html>"),
            (403, r#"{"message":"no code"}"#),
        ] {
            assert_eq!(
                read(status, body.as_bytes()).unwrap_err().code,
                "UNREADABLE",
                "{status} {body}"
            );
        }
        let no = read(403, br#"{"code":"REJECT_CARD_PAYMENT","message":"x"}"#);
        let code = "REJECT_CARD_PAYMENT".to_owned();
        assert_eq!(no, Ok(Said::No { status: 403, code }));
    }

    #[test]
    fn a_status_that_is_new_is_read() {
        assert_eq!(payment(json!({"status": "NEWER"})).status, Status::Other);
        for status in [
            Status::Done,
            Status::Canceled,
            Status::Expired,
            Status::WaitingForDeposit,
        ] {
            assert_eq!(payment(json!({"status": status.word()})).status, status);
        }
    }

    #[test]
    fn only_what_is_for_good_declines() {
        assert!(is_decline("REJECT_CARD_PAYMENT"));
        assert!(is_decline("EXCEED_MAX_AMOUNT"));
        for not in [
            "ALREADY_PROCESSED_PAYMENT",
            "PROVIDER_ERROR",
            "FAILED_INTERNAL_SYSTEM_PROCESSING",
            "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
            "UNKNOWN_PAYMENT_ERROR",
            "IDEMPOTENT_REQUEST_PROCESSING",
            "UNAUTHORIZED_KEY",
            "FORBIDDEN_REQUEST",
            "NEW_TO_US",
        ] {
            assert!(!is_decline(not) && !is_refusal_of_the_request(not), "{not}");
        }
    }
}
