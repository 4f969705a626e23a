//! What the order service offers to the other services. Owner: `application-order`. Consumer: `application-stock`.
//!
//! Rules of change: fields are only added, with a default; unknown fields are ignored by both sides; nothing is renamed.

use std::time::Duration;

use async_trait::async_trait;
use mall_http_client::{Call, CallClient, CallError};
use serde::{Deserialize, Serialize};

/// The service's name in the registry.
pub const SERVICE: &str = "application-order";

/// The most reservations of one question.
pub const MAX_RESERVATIONS: usize = 1000;

const BREAKER: &str = "orderServiceCircuitBreaker";
const DEADLINE: Duration = Duration::from_secs(10);

/// Reservations that stock holds and of which it has heard nothing since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unclaimed {
    /// Their ids, at most [`MAX_RESERVATIONS`].
    pub reservation_ids: Vec<String>,
}

/// The verdict; each id of the question is in one of the two lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// An order has it. Whatever becomes of the order, orders says so.
    pub ordered: Vec<String>,
    /// No order has it, and from now on none ever will: it can be given back.
    pub fenced: Vec<String>,
}

/// The order service, as its consumers see it.
#[async_trait]
pub trait OrdersApi: Send + Sync {
    /// Which of these reservations have an order. The others are fenced: an order that is still on its way fails. Idempotent.
    async fn judge(&self, unclaimed: &Unclaimed) -> Result<Verdict, CallError>;
}

/// [`OrdersApi`] over HTTP.
#[derive(Clone)]
pub struct HttpOrders {
    calls: CallClient,
}

impl HttpOrders {
    /// Calls the instances that `calls` finds under [`SERVICE`].
    pub fn new(calls: CallClient) -> Self {
        Self { calls }
    }
}

#[async_trait]
impl OrdersApi for HttpOrders {
    async fn judge(&self, unclaimed: &Unclaimed) -> Result<Verdict, CallError> {
        let call = Call::post(SERVICE, "/internal/orders/reservations")
            .json(unclaimed)
            .idempotent()
            .breaker(BREAKER)
            .deadline(DEADLINE);
        self.calls.call(call).await?.json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire() {
        let unclaimed: Unclaimed =
            serde_json::from_str(r#"{"reservationIds":["a"],"new":1}"#).unwrap();
        assert_eq!(unclaimed.reservation_ids, ["a"]);
        let verdict = Verdict {
            ordered: vec!["a".into()],
            fenced: vec!["b".into()],
        };
        let json = r#"{"ordered":["a"],"fenced":["b"]}"#;
        assert_eq!(serde_json::to_string(&verdict).unwrap(), json);
        assert_eq!(serde_json::from_str::<Verdict>(json).unwrap(), verdict);
    }
}
