//! The internal contract of the products service (`application-product`): what another service may ask it.
//!
//! One question only: what are these products, now? A product that is gone is simply left out of the answer, because
//! only the asker knows whether that is an error (an order) or a gap (a wish list).

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use mall_http_client::{Call, CallClient, CallError};
use mall_types::{ProductId, Won};
use serde::{Deserialize, Serialize};

/// The registry name of the service.
pub const SERVICE: &str = "application-product";

/// The circuit breaker that guards calls to products; the name is the original's, so its settings keep working.
pub const BREAKER: &str = "productServiceCircuitBreaker";

/// The most ids that one call may ask for; [`HttpProducts`] splits longer questions by itself.
pub const MAX_IDS: usize = 1000;

/// One product as the other services see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductView {
    /// The product's id.
    pub product_id: ProductId,
    /// Its name as it is shown now; an order keeps its own copy.
    pub name: String,
    /// Its price as it holds now; an order keeps its own copy.
    pub price: Won,
    /// Address of the thumbnail; `None` when the product has no picture.
    pub img_url: Option<String>,
    /// Name of the thumbnail.
    pub img_name: Option<String>,
    /// Whether it is a limited edition, which can't be ordered before `open_date_time`.
    pub is_limited_edition: bool,
    /// When a limited edition opens (UTC on the wire); `None` for every other product.
    pub open_date_time: Option<DateTime<Utc>>,
    /// How many pieces one buyer may hold; `None` is no limit. Stock enforces it.
    #[serde(default)]
    pub purchase_limit: Option<i64>,
}

/// What other services ask products. Reads only, so every call may be repeated.
#[async_trait]
pub trait ProductsApi: Send + Sync {
    /// The products with these ids, in the order asked, repeats kept; unknown ids are left out.
    ///
    /// # Errors
    /// A [`CallError`] when products can't be asked.
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<ProductView>, CallError>;
}

/// [`ProductsApi`] over HTTP.
#[derive(Clone)]
pub struct HttpProducts {
    client: CallClient,
}

impl HttpProducts {
    /// Asks through `client`, which finds, balances and guards.
    #[must_use]
    pub fn new(client: CallClient) -> Self {
        Self { client }
    }
}

#[async_trait]
impl ProductsApi for HttpProducts {
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<ProductView>, CallError> {
        let mut found = Vec::with_capacity(ids.len());
        for part in ids.chunks(MAX_IDS) {
            let list: Vec<String> = part.iter().map(ToString::to_string).collect();
            let call = Call::get(SERVICE, "/internal/products")
                .query("ids", list.join(","))
                .breaker(BREAKER)
                .deadline(Duration::from_secs(3));
            let views: Vec<ProductView> = self.client.call(call).await?.json()?;
            found.extend(views);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_is_camel_case_with_nulls_and_ignores_what_it_does_not_know() {
        let text = r#"{"productId":3,"name":"Mug","price":5000,"imgUrl":null,"imgName":null,
            "isLimitedEdition":true,"openDateTime":"2027-05-01T01:00:00Z","purchaseLimit":null,"later":1}"#;
        let view: ProductView = serde_json::from_str(text).unwrap();
        assert_eq!(view.product_id, ProductId(3));
        assert_eq!(view.price, Won(5000));
        assert_eq!(view.open_date_time.unwrap().timestamp(), 1_809_133_200);
        let out = serde_json::to_value(&view).unwrap();
        assert_eq!(out["openDateTime"], "2027-05-01T01:00:00Z");
        assert!(out["imgUrl"].is_null() && out["purchaseLimit"].is_null());
    }
}
