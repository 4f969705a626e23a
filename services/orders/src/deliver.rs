//! Effects in other services: what the outbox holds, and how it is delivered. Every receiver takes a repetition for what
//! it is, by the id that the message carries.

use async_trait::async_trait;
use mall_http_client::CallError;
use mall_outbox::{Deliver, DeliverError, Message};
use mall_payments_api::{PAYMENT_UNKNOWN, Refund, RefundState};
use mall_stock_api::codes;
use mall_types::{CartId, OrderId, UserId, Won};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::state::Peers;

pub const STOCK_CONFIRM: &str = "stock.confirm";
pub const STOCK_RELEASE: &str = "stock.release";
pub const PAYMENT_REFUND: &str = "payment.refund";
pub const CART_REMOVE: &str = "cart.remove";

/// Of [`STOCK_CONFIRM`] and [`STOCK_RELEASE`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockMessage {
    pub reservation_id: String,
}

/// Of [`PAYMENT_REFUND`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundMessage {
    pub order_id: OrderId,
    pub refund_id: String,
    pub amount: Won,
}

/// Of [`CART_REMOVE`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CartMessage {
    pub user_id: UserId,
    pub cart_ids: Vec<CartId>,
}

/// Carries effects to the other services.
pub struct Effects {
    peers: Peers,
}

impl Effects {
    pub fn new(peers: Peers) -> Self {
        Self { peers }
    }
}

#[async_trait]
impl Deliver for Effects {
    async fn deliver(&self, message: &Message) -> Result<(), DeliverError> {
        match message.topic.as_str() {
            STOCK_CONFIRM => {
                let StockMessage { reservation_id } = read(message)?;
                self.peers
                    .stock
                    .confirm(&reservation_id)
                    .await
                    .map(drop)
                    .map_err(failed)
            }
            STOCK_RELEASE => {
                let StockMessage { reservation_id } = read(message)?;
                self.peers
                    .stock
                    .release(&reservation_id)
                    .await
                    .map(drop)
                    .map_err(failed)
            }
            PAYMENT_REFUND => {
                let RefundMessage {
                    order_id,
                    refund_id,
                    amount,
                } = read(message)?;
                let refund = Refund { refund_id, amount };
                let refunded = self
                    .peers
                    .payments
                    .refund(order_id, &refund)
                    .await
                    .map_err(failed)?;
                match refunded.state {
                    RefundState::Refunded => Ok(()),
                    RefundState::Unknown => Err(DeliverError::Retry(
                        "the refund's outcome is not known yet".into(),
                    )),
                }
            }
            CART_REMOVE => {
                let CartMessage { user_id, cart_ids } = read(message)?;
                self.peers
                    .carts
                    .remove(user_id, &cart_ids)
                    .await
                    .map(drop)
                    .map_err(failed)
            }
            topic => Err(DeliverError::Dead(format!("there is no topic {topic:?}"))),
        }
    }
}

fn read<T: DeserializeOwned>(message: &Message) -> Result<T, DeliverError> {
    serde_json::from_str(&message.payload)
        .map_err(|error| DeliverError::Dead(format!("unreadable: {error}")))
}

/// Only a refusal of the thing itself is final. Who we are (401, 403) and how busy the other is (408, 429) may change. A
/// 404 counts only in the service's own words: an address that was given to another program meanwhile, or an older
/// release, answers 404 as well, and money and stock must not be lost by that.
fn failed(error: CallError) -> DeliverError {
    let is_final = match &error {
        CallError::Status { problem, .. } => match problem.status {
            404 => [codes::RESERVATION_UNKNOWN, PAYMENT_UNKNOWN].contains(&problem.code.as_str()),
            status => matches!(status, 400 | 409 | 410 | 422),
        },
        _ => false,
    };
    if is_final {
        DeliverError::Dead(error.to_string())
    } else {
        DeliverError::Retry(error.to_string())
    }
}
