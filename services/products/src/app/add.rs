//! Adding a product.

use std::sync::Arc;

use mall_db::TxError;
use mall_idempotency::Keyed;
use mall_problem::Problem;
use mall_types::ProductId;
use serde::Serialize;

use super::announce::{NEW_PRODUCT, ProductNote};
use crate::domain::{NewProduct, Refusal};
use crate::state::Products;
use crate::store;

impl Products {
    /// Adds a product, and tells stock of it in the same transaction's outbox. Stock normally knows before this returns; when
    /// it is away, the product is there all the same and its stock follows. `answer` says what the caller is told.
    pub async fn add<T: Serialize + Send + Sync + 'static>(
        &self,
        new: NewProduct,
        keyed: Keyed,
        answer: impl Fn(ProductId) -> T + Clone + Send + Sync + 'static,
    ) -> Result<T, Problem> {
        let (new, now) = (Arc::new(new), self.clock.now());
        let added = self.db.run_tx("add_product", move |tx| {
            let (new, keyed, answer) = (Arc::clone(&new), keyed.clone(), answer.clone());
            Box::pin(async move {
                let id = store::insert(tx, &new, now).await?;
                if let Some(image) = &new.image {
                    let image = store::insert_image(tx, id, image).await?;
                    store::set_thumbnail(tx, id, image).await?;
                }
                let note = ProductNote {
                    product_id: id,
                    name: new.name.clone(),
                    available: Some(new.stock),
                    open_date_time: new.opens,
                    purchase_limit: new.limit,
                };
                let message =
                    mall_outbox::enqueue(tx, now, NEW_PRODUCT, &id.to_string(), &note).await?;
                let answer = answer(id);
                keyed.complete_in(tx, &answer).await?;
                Ok((id, message, answer))
            })
        });
        let (id, message, answer) = added
            .await
            .map_err(|error: TxError<Refusal>| Problem::from(error))?;
        if let Err(error) = self.relay.deliver_now(message).await {
            tracing::warn!(product.id = id.0, error = %error, "stock hears of product {id} later");
        }
        Ok(answer)
    }
}
