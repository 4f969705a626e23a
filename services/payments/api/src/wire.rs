//! What goes over the wire, camelCase JSON.

use chrono::{DateTime, Utc};
use mall_types::{OrderId, UserId, Won};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /internal/payments`: take the money for an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pay {
    /// The order; it has at most one payment.
    pub order_id: OrderId,
    /// Who pays.
    pub user_id: UserId,
    /// How much, in whole KRW; at least 0.
    pub amount: Won,
    /// What the provider's payment window gave the shopper, for a provider that wants one: 1 to 200 letters, digits, `_`
    /// and `-`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_key: Option<String>,
    /// Switches of the simulated provider; others do not look at them.
    #[serde(default)]
    pub simulate: Simulate,
}

/// What the simulated provider is asked to play.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Simulate {
    /// Decline, as a card over its limit.
    pub limit_exceeded: bool,
    /// Take so many milliseconds for the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u32>,
    /// Lose something on the way, once for each kind of call about the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lose: Option<Lost>,
}

/// What gets lost between the payment service and its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Lost {
    /// The request: nothing is done, and nobody knows.
    Request,
    /// The answer: it is done, and nobody knows.
    Answer,
}

/// How far a payment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentState {
    /// The money is taken.
    Captured,
    /// The provider refused; nothing is taken, and never will be.
    Declined,
    /// Not known yet: the provider did not answer, or was not asked yet.
    Unknown,
}

/// A payment, as every call answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The order.
    pub order_id: OrderId,
    /// How far it is.
    pub state: PaymentState,
    /// Why it was declined: a stable code such as `LIMIT_EXCEEDED`.
    #[serde(default)]
    pub reason: Option<String>,
    /// How much, in whole KRW.
    #[serde(default)]
    pub amount: Won,
    /// When the payment was first asked for.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// How far its refund is; absent without one.
    #[serde(default)]
    pub refund: Option<RefundState>,
}

/// `POST /internal/payments/{orderId}/refund`: give the money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refund {
    /// The caller's id for this refund, 1 to 64 characters; repeating it changes nothing.
    pub refund_id: String,
    /// How much: the whole amount of the payment.
    pub amount: Won,
}

/// How far a refund is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundState {
    /// The money is back.
    Refunded,
    /// Not known yet; repeat the call.
    Unknown,
}

/// The answer to a refund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refunded {
    /// The order.
    pub order_id: OrderId,
    /// How far it is.
    pub state: RefundState,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json, to_value};

    use super::*;

    #[test]
    fn requests_keep_their_shape() {
        let pay = Pay {
            order_id: OrderId(1),
            user_id: UserId(2),
            amount: Won(3000),
            payment_key: None,
            simulate: Simulate {
                limit_exceeded: true,
                ..Simulate::default()
            },
        };
        let wire =
            json!({"orderId": 1, "userId": 2, "amount": 3000, "simulate": {"limitExceeded": true}});
        assert_eq!(to_value(&pay).unwrap(), wire);
        assert_eq!(from_value::<Pay>(wire).unwrap(), pay);
        let more = json!({"orderId": 1, "userId": 2, "amount": 3000, "paymentKey": "k_1",
            "simulate": {"limitExceeded": false, "delayMs": 50, "lose": "ANSWER"}});
        let read = from_value::<Pay>(more.clone()).unwrap();
        assert_eq!(read.payment_key.as_deref(), Some("k_1"));
        assert_eq!(read.simulate.lose, Some(Lost::Answer));
        assert_eq!(to_value(&read).unwrap(), more);
        let refund = Refund {
            refund_id: "order-1".into(),
            amount: Won(3000),
        };
        assert_eq!(
            to_value(&refund).unwrap(),
            json!({"refundId": "order-1", "amount": 3000})
        );
    }

    #[test]
    fn answers_are_read_leniently() {
        let payment: Payment =
            from_value(json!({"orderId": 1, "state": "CAPTURED", "new": true})).unwrap();
        assert_eq!(payment.state, PaymentState::Captured);
        assert_eq!(payment.refund, None);
        let refunded: Refunded = from_value(json!({"orderId": 1, "state": "REFUNDED"})).unwrap();
        assert_eq!(refunded.state, RefundState::Refunded);
    }
}
