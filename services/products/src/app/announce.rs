//! Tells the stock service of products: the other end of the outbox.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mall_http_client::CallError;
use mall_outbox::{Deliver, DeliverError, Message};
use mall_stock_api::{RegisterItem, StockApi};
use mall_types::ProductId;
use serde::{Deserialize, Serialize};

use crate::domain::Product;

/// The topic of new products.
pub const NEW_PRODUCT: &str = "product.added";
/// The topic of products that stock knows, whose opening or limit is another one now.
pub const CHANGED_PRODUCT: &str = "product.changed";

/// A product, as the stock service has to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductNote {
    /// Its id.
    pub product_id: ProductId,
    /// Its name.
    pub name: String,
    /// The first supply of a new product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
    /// When it opens.
    #[serde(default)]
    pub open_date_time: Option<DateTime<Utc>>,
    /// How many pieces one buyer may hold.
    #[serde(default)]
    pub purchase_limit: Option<i64>,
}

impl ProductNote {
    /// A product that stock knows.
    pub fn of(product: &Product) -> Self {
        Self {
            product_id: product.id,
            name: product.name.clone(),
            available: None,
            open_date_time: product.opens,
            purchase_limit: product.limit,
        }
    }

    /// The same for every delivery, so that the supply is booked once.
    fn adjustment_id(&self) -> String {
        format!("product-added-{}", self.product_id)
    }
}

/// Delivers what [`NEW_PRODUCT`] and [`CHANGED_PRODUCT`] carry.
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
        if ![NEW_PRODUCT, CHANGED_PRODUCT].contains(&message.topic.as_str()) {
            return Err(DeliverError::Dead(format!(
                "unknown topic {}",
                message.topic
            )));
        }
        let note: ProductNote = serde_json::from_str(&message.payload)
            .map_err(|error| DeliverError::Dead(error.to_string()))?;
        let item = RegisterItem {
            name: note.name.clone(),
            available: note.available,
            adjustment_id: note.adjustment_id(),
            open_date_time: note.open_date_time,
            purchase_limit: note.purchase_limit,
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
