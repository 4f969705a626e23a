//! Toss Payments, by its core API.
//!
//! What is used of it, and where its public documentation (docs.tosspayments.com) says so:
//!
//! | what | how | page |
//! |---|---|---|
//! | take the money of a payment that the shopper agreed to in the payment window | `POST /v1/payments/confirm` `{paymentKey, orderId, amount}` | "코어 API", "결제 승인" |
//! | give it back | `POST /v1/payments/{paymentKey}/cancel` `{cancelReason, cancelAmount}` | "코어 API", "결제 취소" |
//! | look | `GET /v1/payments/{paymentKey}`, `GET /v1/payments/orders/{orderId}` | "코어 API", "결제 조회" |
//! | who asks | `Authorization: Basic base64(secretKey + ":")` | "인증 및 기타 헤더 설정" |
//! | once | `Idempotency-Key` on every POST, at most 300 letters, good for 15 days; the first answer comes again, errors too; 409 `IDEMPOTENT_REQUEST_PROCESSING` while the first is under way | "인증 및 기타 헤더 설정" |
//! | errors | `{code, message}` | "에러 코드" |
//! | webhooks | `PAYMENT_STATUS_CHANGED` and others; signed are only `payout.changed` and `seller.changed` | "웹훅 이벤트" |
//!
//! What an answer is taken for stands in `answers.rs`, what webhooks are in `webhooks.rs`, the HTTP in `http.rs`.

mod answers;
mod http;
mod webhooks;

use std::time::Duration;

use ::http::HeaderMap;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mall_types::OrderId;
use serde_json::json;

use super::webhook::{Heard, Refused};
use super::{Charge, Found, GiveBack, Provider, Unknown, Verdict};
use crate::config::TossConfig;
use answers::{Payment, Said, Status};
use http::Http;
pub use webhooks::sign;

/// How often, and after which pauses, a call is repeated while Toss says that the first one is still under way.
const UNDER_WAY: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(300),
    Duration::from_millis(700),
];

/// The name of the adapter, and of its webhooks' path.
pub const NAME: &str = "toss";

/// The adapter.
pub struct Toss {
    http: Http,
    order_prefix: String,
    webhooks: webhooks::Webhooks,
}

impl Toss {
    /// Fails when the settings can't make HTTP headers or URLs.
    pub fn new(config: &TossConfig) -> anyhow::Result<Toss> {
        if let Some(rest) = config.base_url.strip_prefix("http://")
            && !["localhost", "127.0.0.1", "[::1]"]
                .iter()
                .any(|host| rest.starts_with(host))
        {
            tracing::warn!(
                "mall.payments.toss.base-url is http: the secret key goes to {rest} in the clear"
            );
        }
        Ok(Toss {
            http: Http::new(config)?,
            order_prefix: config.order_prefix.clone(),
            webhooks: webhooks::Webhooks::new(config),
        })
    }

    /// What Toss calls the order.
    fn order_id(&self, order: OrderId) -> String {
        format!("{}{order}", self.order_prefix)
    }

    /// The payment as Toss has it: by the shopper's key, else by the order.
    async fn look(&self, charge: &Charge) -> Result<Option<Payment>, Unknown> {
        if let Some(key) = &charge.payment_key
            && let Some(payment) = self.get(&format!("/v1/payments/{key}")).await?
        {
            return Ok(Some(payment));
        }
        self.look_by_order(charge).await
    }

    async fn look_by_order(&self, charge: &Charge) -> Result<Option<Payment>, Unknown> {
        let order = self.order_id(charge.order);
        self.get(&format!("/v1/payments/orders/{order}")).await
    }

    async fn get(&self, path: &str) -> Result<Option<Payment>, Unknown> {
        match self.http.get(path).await? {
            Said::Payment(payment) => Ok(Some(payment)),
            Said::No { code, .. } if code.starts_with("NOT_FOUND") => Ok(None),
            Said::No { status, code } => Err(answers::not_known(status, code)),
        }
    }

    /// Repeats while the first call with this key is under way.
    async fn post(&self, path: &str, key: &str, body: &serde_json::Value) -> Result<Said, Unknown> {
        for pause in UNDER_WAY {
            match self.http.post(path, key, body).await? {
                Said::No { code, .. } if code == "IDEMPOTENT_REQUEST_PROCESSING" => {
                    tokio::time::sleep(pause).await;
                }
                said => return Ok(said),
            }
        }
        self.http.post(path, key, body).await
    }

    /// What a payment that Toss showed means for a charge.
    fn read(&self, charge: &Charge, payment: &Payment) -> Result<Found, Unknown> {
        if payment.order_id != self.order_id(charge.order) {
            // A key of somebody else's payment: Toss confirms it for no other order than its own.
            return Ok(Found::Settled(Verdict::Declined(
                "PAYMENT_KEY_OF_ANOTHER_ORDER".into(),
            )));
        }
        let verdict = match payment.status {
            Status::Ready | Status::InProgress | Status::WaitingForDeposit => {
                return Ok(Found::Open);
            }
            Status::Done if !payment.is_of(charge.amount) => {
                return Err(Unknown::new(
                    "AMOUNT_MISMATCH",
                    format!(
                        "{} {} were taken for {} KRW",
                        payment.total_amount, payment.currency, charge.amount
                    ),
                ));
            }
            Status::Done => Verdict::Captured(Some(payment.payment_key.clone())),
            Status::Canceled => Verdict::Declined("CANCELED".into()),
            Status::Aborted | Status::Expired => Verdict::Declined(
                payment
                    .failure_code()
                    .unwrap_or_else(|| payment.status.word().to_owned()),
            ),
            // Some of the money is there and some is not: nothing that the mall does makes this, so a person has to look.
            Status::PartialCanceled | Status::Other => {
                return Err(Unknown::new(
                    "UNEXPECTED_STATUS",
                    "a status that the mall can't act by",
                ));
            }
        };
        Ok(Found::Settled(verdict))
    }

    /// A refusal that may follow from a confirmation that succeeded before: what the payment itself shows decides.
    async fn look_after(&self, charge: &Charge, code: String) -> Result<Verdict, Unknown> {
        let mut shown = self.look(charge).await?;
        if code == "DUPLICATED_ORDER_ID" {
            // Another payment of this order may have succeeded.
            shown = self.look_by_order(charge).await?.or(shown);
        }
        let found = match &shown {
            Some(payment) => self.read(charge, payment)?,
            None => Found::Nothing,
        };
        match found {
            Found::Settled(verdict) => Ok(verdict),
            // The answer to this key is a refusal and stays one, and Toss shows that nothing was taken.
            Found::Open | Found::Nothing if answers::is_refusal_of_the_request(&code) => {
                Ok(Verdict::Declined(code))
            }
            Found::Open | Found::Nothing => Err(answers::not_known(400, code)),
        }
    }
}

#[async_trait]
impl Provider for Toss {
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants_payment_key(&self) -> bool {
        true
    }

    async fn charge(&self, charge: &Charge) -> Result<Verdict, Unknown> {
        let Some(payment_key) = &charge.payment_key else {
            return Err(Unknown::new(
                "PAYMENT_KEY_MISSING",
                "there is nothing to confirm",
            ));
        };
        let body = json!({
            "paymentKey": payment_key,
            "orderId": self.order_id(charge.order),
            "amount": charge.amount.0,
        });
        let said = self
            .post("/v1/payments/confirm", &charge.key, &body)
            .await?;
        match said {
            Said::Payment(payment) => match self.read(charge, &payment)? {
                Found::Settled(verdict) => Ok(verdict),
                Found::Open | Found::Nothing => Err(Unknown::new(
                    "NOT_DONE",
                    format!("confirmed, and the status is {}", payment.status.word()),
                )),
            },
            Said::No { code, .. } if answers::is_decline(&code) => Ok(Verdict::Declined(code)),
            Said::No { status, code } if (400..500).contains(&status) => {
                self.look_after(charge, code).await
            }
            Said::No { status, code } => match self.look(charge).await {
                Ok(Some(payment)) => match self.read(charge, &payment)? {
                    Found::Settled(verdict) => Ok(verdict),
                    Found::Open | Found::Nothing => Err(answers::not_known(status, code)),
                },
                Ok(None) | Err(_) => Err(answers::not_known(status, code)),
            },
        }
    }

    async fn find(&self, charge: &Charge) -> Result<Found, Unknown> {
        match self.look(charge).await? {
            Some(payment) => self.read(charge, &payment),
            None => Ok(Found::Nothing),
        }
    }

    async fn give_back(&self, back: &GiveBack) -> Result<(), Unknown> {
        let key = back.reference.as_ref().or(back.charge.payment_key.as_ref());
        let Some(payment_key) = key else {
            return Err(Unknown::new(
                "PAYMENT_KEY_MISSING",
                "there is nothing to cancel",
            ));
        };
        let body = json!({"cancelReason": "주문 취소", "cancelAmount": back.amount.0});
        let path = format!("/v1/payments/{payment_key}/cancel");
        match self.post(&path, &back.key, &body).await? {
            Said::Payment(payment) if payment.is_given_back(back.amount) => Ok(()),
            Said::Payment(payment) => Err(Unknown::new(
                "NOT_REFUNDED",
                format!("cancelled, and the status is {}", payment.status.word()),
            )),
            // Some of these follow from a cancellation that succeeded (`ALREADY_CANCELED_PAYMENT`): what the payment itself
            // shows decides.
            Said::No { status, code } => match self.find_back(back).await {
                Ok(true) => Ok(()),
                Ok(false) | Err(_) => Err(answers::not_known(status, code)),
            },
        }
    }

    async fn find_back(&self, back: &GiveBack) -> Result<bool, Unknown> {
        let mut charge = back.charge.clone();
        charge.payment_key = back.reference.clone().or(charge.payment_key);
        let payment = self.look(&charge).await?;
        Ok(payment.is_some_and(|payment| payment.is_given_back(back.amount)))
    }

    fn webhook(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Option<Result<Heard, Refused>> {
        let order = |id: &str| {
            let number = id.strip_prefix(self.order_prefix.as_str())?;
            number.parse().ok().map(OrderId)
        };
        Some(self.webhooks.read(headers, body, now, order))
    }
}
