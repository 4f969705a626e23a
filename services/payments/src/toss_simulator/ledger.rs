//! The simulator's books.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The time after which Toss forgets an agreement that nobody confirmed.
const AGREEMENT_LIFE: chrono::Duration = chrono::Duration::minutes(10);

/// All of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// By `paymentKey`.
    pub payments: BTreeMap<String, Payment>,
    /// Money that moved, in order.
    pub movements: Vec<Movement>,
    /// What was answered under an idempotency key; `None` while it is in the making.
    answers: BTreeMap<String, Option<Answered>>,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// Toss's key.
    pub payment_key: String,
    /// The shop's number.
    pub order_id: String,
    /// In won.
    pub amount: i64,
    /// Toss's word.
    pub status: String,
    /// What a confirmation is declined with.
    decline: Option<String>,
    /// Why it failed.
    failure: Option<String>,
    agreed_at: DateTime<Utc>,
    approved_at: Option<DateTime<Utc>>,
    cancels: Vec<Value>,
}

/// Money that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Movement {
    /// `CHARGE` or `REFUND`.
    pub kind: String,
    /// Toss's key.
    pub payment_key: String,
    /// The shop's number.
    pub order_id: String,
    /// In won.
    pub amount: i64,
    /// When.
    pub at: DateTime<Utc>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub status: u16,
    pub body: Value,
}

/// What a shopper agrees to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NewPayment {
    pub order_id: String,
    pub amount: i64,
    #[serde(default)]
    pub decline: Option<String>,
}

/// An error of the API.
pub type Refusal = (u16, &'static str);

/// The ledger, and where it is kept.
pub struct Store {
    ledger: Ledger,
    path: Option<PathBuf>,
}

/// What is known of an idempotency key.
pub enum Key {
    New,
    UnderWay,
    Answered(Answered),
}

impl Store {
    /// Reads what is kept.
    pub fn open(path: Option<PathBuf>) -> anyhow::Result<Store> {
        let kept = path.as_ref().filter(|path| path.exists());
        let mut ledger: Ledger = match kept {
            Some(path) => serde_json::from_slice(&std::fs::read(path)?)?,
            None => Ledger::default(),
        };
        // Whoever was in the making died with the program.
        ledger.answers.retain(|_, answer| answer.is_some());
        Ok(Store { ledger, path })
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn keep(&self) {
        let Some(path) = &self.path else { return };
        let new = path.with_extension("new");
        let text = serde_json::to_vec_pretty(&self.ledger).map_err(std::io::Error::other);
        let kept = text
            .and_then(|text| std::fs::write(&new, text))
            .and_then(|()| std::fs::rename(&new, path));
        if let Err(error) = kept {
            tracing::error!(error = %error, "the ledger could not be kept");
        }
    }

    pub fn agree(&mut self, wanted: NewPayment, now: DateTime<Utc>) -> Payment {
        let payment = Payment {
            payment_key: format!("sim_{}", uuid::Uuid::new_v4().simple()),
            order_id: wanted.order_id,
            amount: wanted.amount,
            status: "IN_PROGRESS".into(),
            decline: wanted.decline,
            failure: None,
            agreed_at: now,
            approved_at: None,
            cancels: Vec::new(),
        };
        let key = payment.payment_key.clone();
        self.ledger.payments.insert(key, payment.clone());
        self.keep();
        payment
    }

    /// Takes an idempotency key for a call.
    pub fn begin(&mut self, key: &str) -> Key {
        match self.ledger.answers.get(key) {
            None => {
                self.ledger.answers.insert(key.to_owned(), None);
                Key::New
            }
            Some(None) => Key::UnderWay,
            Some(Some(answer)) => Key::Answered(answer.clone()),
        }
    }

    /// Keeps the answer to a call, or forgets that it began.
    pub fn end(&mut self, key: &str, answer: Option<Answered>) {
        match answer {
            Some(answer) => self.ledger.answers.insert(key.to_owned(), Some(answer)),
            None => self.ledger.answers.remove(key),
        };
        self.keep();
    }

    pub fn by_key(&mut self, key: &str, now: DateTime<Utc>) -> Option<&Payment> {
        self.age(now);
        self.ledger.payments.get(key)
    }

    /// The one that has an outcome, else the latest.
    pub fn by_order(&mut self, order: &str, now: DateTime<Utc>) -> Option<&Payment> {
        self.age(now);
        let of_order = |payment: &&Payment| payment.order_id == order;
        let payments = self.ledger.payments.values().filter(of_order);
        payments.max_by_key(|payment| (payment.approved_at.is_some(), payment.agreed_at))
    }

    fn age(&mut self, now: DateTime<Utc>) {
        for payment in self.ledger.payments.values_mut() {
            if payment.status == "IN_PROGRESS" && now - payment.agreed_at > AGREEMENT_LIFE {
                payment.status = "EXPIRED".into();
                payment.failure = Some("EXPIRED_PAYMENT".into());
            }
        }
    }

    pub fn confirm(
        &mut self,
        key: &str,
        order: &str,
        amount: i64,
        decline: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Payment, Refusal> {
        self.age(now);
        let paid = |payment: &Payment| payment.order_id == order && payment.approved_at.is_some();
        let is_paid = self.ledger.payments.values().any(paid);
        let payment = self
            .ledger
            .payments
            .get_mut(key)
            .ok_or((404, "NOT_FOUND_PAYMENT"))?;
        if payment.order_id != order || payment.amount != amount {
            return Err((400, "INVALID_REQUEST"));
        }
        match payment.status.as_str() {
            "IN_PROGRESS" => {}
            "EXPIRED" => return Err((404, "NOT_FOUND_PAYMENT_SESSION")),
            _ => return Err((400, "ALREADY_PROCESSED_PAYMENT")),
        }
        if is_paid {
            return Err((400, "DUPLICATED_ORDER_ID"));
        }
        if let Some(code) = payment.decline.clone().or(decline) {
            let refusal = refusal(&code);
            payment.status = "ABORTED".into();
            payment.failure = Some(code);
            return Err(refusal);
        }
        payment.status = "DONE".into();
        payment.approved_at = Some(now);
        self.ledger.movements.push(Movement {
            kind: "CHARGE".into(),
            payment_key: key.to_owned(),
            order_id: order.to_owned(),
            amount,
            at: now,
        });
        Ok(payment.clone())
    }

    pub fn cancel(
        &mut self,
        key: &str,
        reason: &str,
        amount: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<Payment, Refusal> {
        let payment = self
            .ledger
            .payments
            .get_mut(key)
            .ok_or((404, "NOT_FOUND_PAYMENT"))?;
        match payment.status.as_str() {
            "DONE" | "PARTIAL_CANCELED" => {}
            "CANCELED" => return Err((400, "ALREADY_CANCELED_PAYMENT")),
            _ => return Err((403, "NOT_CANCELABLE_PAYMENT")),
        }
        let left = payment.balance();
        let amount = amount.unwrap_or(left);
        if amount < 1 || amount > left {
            return Err((403, "NOT_CANCELABLE_AMOUNT"));
        }
        payment.cancels.push(json!({
            "cancelAmount": amount, "cancelReason": reason, "canceledAt": now.to_rfc3339(), "cancelStatus": "DONE",
            "refundableAmount": left - amount, "transactionKey": uuid::Uuid::new_v4().simple().to_string(),
        }));
        let status = if amount == left {
            "CANCELED"
        } else {
            "PARTIAL_CANCELED"
        };
        payment.status = status.into();
        self.ledger.movements.push(Movement {
            kind: "REFUND".into(),
            payment_key: key.to_owned(),
            order_id: payment.order_id.clone(),
            amount,
            at: now,
        });
        Ok(payment.clone())
    }
}

/// A declined confirmation.
fn refusal(code: &str) -> Refusal {
    const KNOWN: [Refusal; 6] = [
        (403, "REJECT_CARD_PAYMENT"),
        (403, "REJECT_CARD_COMPANY"),
        (403, "REJECT_ACCOUNT_PAYMENT"),
        (403, "EXCEED_MAX_AUTH_COUNT"),
        (400, "INVALID_STOPPED_CARD"),
        (400, "PROVIDER_ERROR"),
    ];
    let known = KNOWN.into_iter().find(|(_, known)| *known == code);
    known.unwrap_or((403, "EXCEED_MAX_AMOUNT"))
}

impl Payment {
    fn balance(&self) -> i64 {
        let back = self.cancels.iter();
        let back: i64 = back
            .filter_map(|cancel| cancel["cancelAmount"].as_i64())
            .sum();
        self.amount - back
    }

    /// As the API shows it.
    pub fn shown(&self) -> Value {
        let cancels = (!self.cancels.is_empty()).then_some(&self.cancels);
        let failure = self.failure.as_ref();
        json!({
            "mId": "mall-toss-simulator",
            "version": "2022-11-16",
            "paymentKey": self.payment_key,
            "type": "NORMAL",
            "orderId": self.order_id,
            "orderName": "order",
            "currency": "KRW",
            "method": "카드",
            "totalAmount": self.amount,
            "balanceAmount": self.balance(),
            "status": self.status,
            "requestedAt": self.agreed_at.to_rfc3339(),
            "approvedAt": self.approved_at.map(|at| at.to_rfc3339()),
            "useEscrow": false,
            "cancels": cancels,
            "failure": failure.map(|code| json!({"code": code, "message": code})),
            "country": "KR",
        })
    }
}
