//! The product service's stand-in.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use mall_http_client::CallError;
use mall_products_api::{ProductView, ProductsApi};
use mall_types::{ProductId, Won};

/// Products by id; or away.
#[derive(Default)]
pub struct FakeProducts {
    pub known: Mutex<BTreeMap<ProductId, (&'static str, i64)>>,
    pub away: Mutex<bool>,
}

#[async_trait]
impl ProductsApi for FakeProducts {
    async fn products(&self, ids: &[ProductId]) -> Result<Vec<ProductView>, CallError> {
        if *self.away.lock().unwrap() {
            return Err(CallError::NoInstance {
                service: mall_products_api::SERVICE.to_owned(),
            });
        }
        let known = self.known.lock().unwrap();
        let found = ids
            .iter()
            .filter_map(|id| known.get(id).map(|(name, price)| (*id, *name, *price)));
        Ok(found
            .map(|(product_id, name, price)| ProductView {
                product_id,
                name: name.to_owned(),
                price: Won(price),
                img_url: Some(format!("http://x/{product_id}.png")),
                img_name: Some("i".to_owned()),
                is_limited_edition: false,
                open_date_time: None,
                purchase_limit: None,
            })
            .collect())
    }
}
