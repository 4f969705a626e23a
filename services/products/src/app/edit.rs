//! Editing a product.

use std::sync::Arc;

use mall_db::TxError;
use mall_idempotency::Keyed;
use mall_problem::{Done, Problem};
use mall_types::ProductId;

use super::announce::{CHANGED_PRODUCT, ProductNote};
use crate::domain::{ProductEdit, Refusal, StockChange};
use crate::state::Products;
use crate::store;

impl Products {
    /// Changes what is given. Stock first: it is the part that can refuse. A repeated attempt books its change under the same
    /// id, so it counts once.
    pub async fn edit(
        &self,
        id: ProductId,
        edit: ProductEdit,
        stock: Option<StockChange>,
        keyed: Keyed,
        answer: &Done,
    ) -> Result<(), Problem> {
        match stock {
            Some(change) => self.change_stock(id, change, keyed.effect()).await?,
            None => self.known(id).await.map(drop)?,
        }
        let (edit, now, answer) = (Arc::new(edit), self.clock.now(), answer.clone());
        let edited = self.db.run_tx("edit_product", move |tx| {
            let (edit, keyed, answer) = (Arc::clone(&edit), keyed.clone(), answer.clone());
            Box::pin(async move {
                if !store::update(tx, id, &edit, now).await? {
                    return Err(TxError::refuse(Refusal::Unknown));
                }
                if let Some(new) = &edit.image {
                    let image = store::insert_image(tx, id, &new.image).await?;
                    if new.thumbnail {
                        store::set_thumbnail(tx, id, image).await?;
                    }
                }
                keyed.complete_in(tx, &answer).await?;
                if edit.limit.is_none() {
                    return Ok(None);
                }
                // Read under the row's lock, so that stock hears of two edits in their order.
                let Some(product) = store::find(tx, id).await? else {
                    return Err(TxError::refuse(Refusal::Unknown));
                };
                let note = ProductNote::of(&product);
                let key = id.to_string();
                Ok(Some(
                    mall_outbox::enqueue(tx, now, CHANGED_PRODUCT, &key, &note).await?,
                ))
            })
        });
        if let Some(message) = edited.await?
            && let Err(error) = self.relay.deliver_now(message).await
        {
            tracing::warn!(product.id = id.0, error = %error, "stock hears of the edit of product {id} later");
        }
        Ok(())
    }
}
