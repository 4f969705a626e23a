//! Reading: from Redis, and from MySQL where Redis has nothing to say.

use std::collections::HashMap;
use std::sync::Arc;

use mall_db::TxError;
use mall_stock_api::Available;
use mall_types::ProductId;

use crate::domain::Refusal;
use crate::failure::Failure;
use crate::hot::Shown;
use crate::state::Stock;
use crate::store::items;

impl Stock {
    /// What one product's shelf shows.
    pub async fn shown(self: &Arc<Self>, id: ProductId) -> Result<Shown, Failure> {
        let missing = match self.readers.look(id).await {
            Ok(Some(shown)) => return Ok(shown),
            Ok(None) => true,
            Err(_) => false,
        };
        let read = self.db.read("stock_item", move |conn| {
            Box::pin(async move { Ok(items::find(conn, id).await?) })
        });
        let Some(item) = read
            .await
            .map_err(|error: TxError<Refusal>| Failure::from(error))?
        else {
            return Err(Refusal::ProductUnknown(id).into());
        };
        if missing {
            self.heal_later(id);
        }
        Ok(Shown {
            available: item.available,
            name: item.name,
        })
    }

    /// What is available of each product, in the order asked; unknown ones are left out.
    pub async fn available(&self, ids: &[ProductId]) -> Result<Vec<Available>, Failure> {
        let hot = self
            .hot
            .available(ids)
            .await
            .unwrap_or_else(|_| vec![None; ids.len()]);
        let missing: Arc<[ProductId]> = ids
            .iter()
            .zip(&hot)
            .filter(|(_, hot)| hot.is_none())
            .map(|(id, _)| *id)
            .collect();
        let mut cold: HashMap<ProductId, i64> = HashMap::new();
        if !missing.is_empty() {
            let read = self.db.read("stock_items", move |conn| {
                let missing = Arc::clone(&missing);
                Box::pin(async move { Ok(items::find_all(conn, &missing).await?) })
            });
            let found = read
                .await
                .map_err(|error: TxError<Refusal>| Failure::from(error))?;
            cold.extend(found.into_iter().map(|item| (item.id, item.available)));
        }
        Ok(ids
            .iter()
            .zip(hot)
            .filter_map(|(id, hot)| {
                let available = hot.or_else(|| cold.get(id).copied())?;
                Some(Available {
                    product_id: *id,
                    available,
                })
            })
            .collect())
    }
}
