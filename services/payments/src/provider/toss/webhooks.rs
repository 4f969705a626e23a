//! Toss's webhooks: who sent them, when, and what about.
//!
//! Toss's documentation ("웹훅 이벤트") gives these headers: `tosspayments-webhook-transmission-id` (stays when an event is sent
//! again), `-transmission-time` (ISO 8601 with an offset), `-transmission-retried-count`, and, with `payout.changed` and
//! `seller.changed` only, `tosspayments-webhook-signature`: `v1:` and two Base64 texts with a comma between, of which one must be
//! the HMAC-SHA-256 under the shop's security key of `{body}:{transmission time}`. Events about payments carry no signature.
//! So `webhook-signature: if-present` is what takes them from Toss itself, and `required` is for a relay of one's own that
//! signs, or for the simulator. Either way nothing that a webhook says is believed.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use mall_types::{OrderId, Won};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::answers::Status;
use crate::config::{TossConfig, WebhookSignature};
use crate::provider::webhook::{Event, Heard, Refused};

const ID: &str = "tosspayments-webhook-transmission-id";
const TIME: &str = "tosspayments-webhook-transmission-time";
const SIGNATURE: &str = "tosspayments-webhook-signature";

/// Events that are about a payment.
const PAYMENT_EVENTS: [&str; 2] = ["PAYMENT_STATUS_CHANGED", "CANCEL_STATUS_CHANGED"];

/// Checks and reads them.
pub struct Webhooks {
    key: Option<SecretString>,
    required: bool,
    tolerance: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    event_type: String,
    #[serde(default)]
    data: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    order_id: String,
    status: Status,
    #[serde(default)]
    payment_key: Option<String>,
    #[serde(default)]
    total_amount: Option<i64>,
}

impl Webhooks {
    pub fn new(config: &TossConfig) -> Webhooks {
        Webhooks {
            key: config.webhook_key.clone(),
            required: config.webhook_signature == WebhookSignature::Required,
            tolerance: config.webhook_tolerance.get(),
        }
    }

    /// Checks signature and time, then reads. `order` knows Toss's order numbers.
    pub fn read(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
        order: impl Fn(&str) -> Option<OrderId>,
    ) -> Result<Heard, Refused> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let time = header(TIME).ok_or(Refused::Malformed("no transmission time"))?;
        match (header(SIGNATURE), &self.key) {
            (Some(signature), Some(key)) => {
                if !is_signed(key.expose_secret().as_bytes(), body, time, signature) {
                    return Err(Refused::Forged("the signature is not Toss's"));
                }
            }
            (Some(_), None) => return Err(Refused::Forged("there is no key to check it with")),
            (None, _) if self.required => return Err(Refused::Forged("there is no signature")),
            (None, _) => {}
        }
        let sent = DateTime::parse_from_rfc3339(time)
            .map_err(|_| Refused::Malformed("the transmission time is no time"))?;
        let age = now.signed_duration_since(sent).abs();
        if age.to_std().map_or(true, |age| age > self.tolerance) {
            return Err(Refused::Stale);
        }

        let message: Message =
            serde_json::from_slice(body).map_err(|_| Refused::Malformed("no event"))?;
        if !PAYMENT_EVENTS.contains(&message.event_type.as_str()) {
            let kind = message.event_type.chars().take(64).collect();
            return Ok(Heard::Other(kind));
        }
        let about: About = message
            .data
            .and_then(|data| serde_json::from_value(data).ok())
            .ok_or(Refused::Malformed("no payment"))?;
        if about.status == Status::Other {
            return Err(Refused::Malformed("a status that there is not"));
        }
        let id = header(ID).filter(|id| (1..=128).contains(&id.len()));
        let mut digest = Sha256::new();
        digest.update(body);
        digest.update(b":");
        digest.update(time.as_bytes());
        Ok(Heard::Payment(Event {
            id: id
                .ok_or(Refused::Malformed("no transmission id"))?
                .to_owned(),
            digest: hex::encode(digest.finalize()),
            kind: message.event_type,
            status: about.status.word().to_owned(),
            is_final: about.status.is_final(),
            order: order(&about.order_id),
            payment_key: about.payment_key,
            amount: about.total_amount.map(Won),
        }))
    }
}

/// Whether one of the signatures in the header is right. Compared in constant time.
fn is_signed(key: &[u8], body: &[u8], time: &str, header: &str) -> bool {
    let Some(texts) = header.strip_prefix("v1:") else {
        return false;
    };
    let mut texts = texts.split(',').take(4);
    texts.any(|text| {
        let signature = STANDARD.decode(text.trim());
        signature.is_ok_and(|bytes| {
            mac(key, body, time).is_some_and(|mac| mac.verify_slice(&bytes).is_ok())
        })
    })
}

fn mac(key: &[u8], body: &[u8], time: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(body);
    mac.update(b":");
    mac.update(time.as_bytes());
    Some(mac)
}

/// The signature header for a webhook, as Toss makes it.
pub fn sign(key: &[u8], body: &[u8], time: &str) -> String {
    let bytes = mac(key, body, time).map(|mac| mac.finalize().into_bytes());
    let text = STANDARD.encode(bytes.unwrap_or_default());
    format!("v1:{text}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "a security key of a shop at Toss";
    const TIME_SENT: &str = "2024-05-01T10:00:00+09:00";

    fn webhooks(required: bool) -> Webhooks {
        Webhooks {
            key: Some(KEY.into()),
            required,
            tolerance: Duration::from_secs(300),
        }
    }

    fn now() -> DateTime<Utc> {
        "2024-05-01T01:01:00Z".parse().unwrap()
    }

    fn body(change: serde_json::Value) -> Vec<u8> {
        let mut data =
            json!({"paymentKey": "k", "orderId": "order-7", "status": "DONE", "totalAmount": 5000});
        data.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let event =
            json!({"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": TIME_SENT, "data": data});
        event.to_string().into_bytes()
    }

    fn headers(signature: Option<&str>, time: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ID, "w-1".parse().unwrap());
        headers.insert(TIME, time.parse().unwrap());
        if let Some(signature) = signature {
            headers.insert(SIGNATURE, signature.parse().unwrap());
        }
        headers
    }

    fn read(webhooks: &Webhooks, headers: &HeaderMap, body: &[u8]) -> Result<Heard, Refused> {
        webhooks.read(headers, body, now(), |id| {
            id.strip_prefix("order-")?.parse().ok().map(OrderId)
        })
    }

    #[test]
    fn what_is_signed_is_read() {
        let body = body(json!({}));
        let good = sign(KEY.as_bytes(), &body, TIME_SENT);
        // While the key changes, Toss sends two: either may be right.
        let second = format!("v1:AAAA,{}", good.trim_start_matches("v1:"));
        for signature in [good, second] {
            let heard = read(
                &webhooks(true),
                &headers(Some(&signature), TIME_SENT),
                &body,
            );
            let Ok(Heard::Payment(event)) = heard else {
                panic!("{heard:?}");
            };
            assert_eq!(event.order, Some(OrderId(7)));
            assert_eq!((event.id.as_str(), event.status.as_str()), ("w-1", "DONE"));
            assert_eq!((event.amount, event.is_final), (Some(Won(5000)), true));
        }
    }

    #[test]
    fn a_forgery_is_told_from_a_signature() {
        let sent = body(json!({}));
        let good = sign(KEY.as_bytes(), &sent, TIME_SENT);
        let later = "2024-05-01T10:00:30+09:00";
        for (headers, body, what) in [
            (headers(None, TIME_SENT), sent.clone(), "none"),
            (headers(Some("v1:"), TIME_SENT), sent.clone(), "empty"),
            (headers(Some(&good[3..]), TIME_SENT), sent.clone(), "no v1"),
            (headers(Some(&good), later), sent.clone(), "another time"),
            (
                headers(Some(&good), TIME_SENT),
                body(json!({"totalAmount": 1})),
                "another body",
            ),
            (
                headers(Some(&sign(b"another key", &sent, TIME_SENT)), TIME_SENT),
                sent.clone(),
                "another key",
            ),
        ] {
            let heard = read(&webhooks(true), &headers, &body);
            assert!(
                matches!(heard, Err(Refused::Forged(_))),
                "{what}: {heard:?}"
            );
        }
        let heard = read(&webhooks(false), &headers(None, TIME_SENT), &sent);
        assert!(matches!(heard, Ok(Heard::Payment(_))), "{heard:?}");
        let wrong = sign(b"another key", &sent, TIME_SENT);
        let heard = read(&webhooks(false), &headers(Some(&wrong), TIME_SENT), &sent);
        assert!(
            matches!(heard, Err(Refused::Forged(_))),
            "a wrong one is never let in"
        );
    }

    #[test]
    fn time_is_over_on_both_sides() {
        let body = body(json!({}));
        for time in ["2024-05-01T09:55:59+09:00", "2024-05-01T10:06:01+09:00"] {
            let signature = sign(KEY.as_bytes(), &body, time);
            let heard = read(&webhooks(true), &headers(Some(&signature), time), &body);
            assert_eq!(heard, Err(Refused::Stale), "{time}");
        }
    }

    #[test]
    fn nonsense_is_refused_and_other_events_are_left_alone() {
        let open = webhooks(false);
        let plain = headers(None, TIME_SENT);
        for bad in [
            b"".to_vec(),
            b"[]".to_vec(),
            json!({"eventType": "PAYMENT_STATUS_CHANGED"})
                .to_string()
                .into(),
            body(json!({"status": "PAID_TWICE"})),
            body(json!({"totalAmount": "5000"})),
        ] {
            let heard = read(&open, &plain, &bad);
            assert!(matches!(heard, Err(Refused::Malformed(_))), "{heard:?}");
        }
        let mut no_id = plain.clone();
        no_id.remove(ID);
        let heard = read(&open, &no_id, &body(json!({})));
        assert!(matches!(heard, Err(Refused::Malformed(_))), "{heard:?}");
        let other = json!({"eventType": "payout.changed", "data": {}}).to_string();
        let heard = read(&open, &plain, other.as_bytes());
        assert_eq!(heard, Ok(Heard::Other("payout.changed".into())));
        let Ok(Heard::Payment(event)) = read(&open, &plain, &body(json!({"orderId": "x"}))) else {
            panic!("not read");
        };
        assert_eq!(event.order, None);
    }
}
