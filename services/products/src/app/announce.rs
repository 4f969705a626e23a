//! Tells the stock service of new products: the other end of the outbox.

use std::sync::Arc;

use async_trait::async_trait;
use mall_http_client::CallError;
use mall_outbox::{Deliver, DeliverError, Message};
use mall_stock_api::{RegisterItem, StockApi};
use mall_types::ProductId;
use serde::{Deserialize, Serialize};

/// The topic of new products.
pub const NEW_PRODUCT: &str = "product.added";

/// A new product, as the stock service has to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewProductNote {
    /// Its id.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// Its first supply.
    pub available: i64,
}

impl NewProductNote {
    /// The same for every delivery, so that the supply is booked once.
    fn adjustment_id(&self) -> String {
        format!("product-added-{}", self.product_id)
    }
}

/// Delivers what [`NEW_PRODUCT`] carries.
pub struct Announcer {
    stock: Arc<dyn StockApi>,
}

impl Announcer {
    /// Tells this stock service.
    pub fn new(stock: Arc<dyn StockApi>) -> Self {
        Self { stock }
    }
}

#[async_trait]
impl Deliver for Announcer {
    async fn deliver(&self, message: &Message) -> Result<(), DeliverError> {
        if message.topic != NEW_PRODUCT {
            return Err(DeliverError::Dead(format!(
                "unknown topic {}",
                message.topic
            )));
        }
        let note: NewProductNote = serde_json::from_str(&message.payload)
            .map_err(|error| DeliverError::Dead(error.to_string()))?;
        let item = RegisterItem {
            name: note.name.clone(),
            available: Some(note.available),
            adjustment_id: note.adjustment_id(),
        };
        match self.stock.register(note.product_id, &item).await {
            Ok(_) => Ok(()),
            Err(error) => Err(verdict(&error)),
        }
    }
}

/// Only an answer about the content itself is final. A 401 is a wrong key in the settings, a 404 an older stock service.
fn verdict(error: &CallError) -> DeliverError {
    match error {
        CallError::Status { problem, .. } if matches!(problem.status, 400 | 409 | 422) => {
            DeliverError::Dead(format!("{} {}", problem.status, problem.code))
        }
        other => DeliverError::Retry(other.to_string()),
    }
}
