//! Reading the catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use mall_db::TxError;
use mall_problem::Problem;
use mall_types::ProductId;

use crate::domain::{Image, Product, Refusal};
use crate::state::Products;
use crate::store;

/// What the detail page shows.
pub struct Detail {
    /// The product.
    pub product: Product,
    /// Its pictures.
    pub images: Vec<Image>,
    /// What is available; a limited edition does not show it (0).
    pub stock: i64,
    /// Whether it can be ordered now.
    pub open: bool,
}

impl Products {
    /// The product, or the refusal that there is none.
    pub(crate) async fn known(&self, id: ProductId) -> Result<Product, Problem> {
        let read = self.db.read("product", move |conn| {
            Box::pin(async move { Ok(store::find(conn, id).await?) })
        });
        let found = read
            .await
            .map_err(|error: TxError<Refusal>| Problem::from(error))?;
        found.ok_or_else(|| Refusal::Unknown.into())
    }

    /// All products.
    pub async fn all(&self) -> Result<Vec<Product>, Problem> {
        let read = self.db.read("products", move |conn| {
            Box::pin(async move { Ok(store::all(conn).await?) })
        });
        read.await.map_err(|error: TxError<Refusal>| error.into())
    }

    /// The detail page. Stock is asked only where it is shown.
    pub async fn detail(&self, id: ProductId) -> Result<Detail, Problem> {
        let read = self.db.read("product_detail", move |conn| {
            Box::pin(async move {
                let Some(product) = store::find(conn, id).await? else {
                    return Err(TxError::refuse(Refusal::Unknown));
                };
                Ok((product, store::images(conn, id).await?))
            })
        });
        let (product, images) = read.await?;
        let stock = if product.is_limited() {
            0
        } else {
            self.available(id).await?
        };
        let open = product.is_open(self.clock.now());
        Ok(Detail {
            product,
            images,
            stock,
            open,
        })
    }

    /// These products in the order asked, repeats kept; unknown ones are left out.
    pub async fn some(&self, ids: Vec<ProductId>) -> Result<Vec<Product>, Problem> {
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let distinct: Arc<[ProductId]> = distinct.into();
        let read = self.db.read("products_some", move |conn| {
            let distinct = Arc::clone(&distinct);
            Box::pin(async move { Ok(store::some(conn, &distinct).await?) })
        });
        let found = read
            .await
            .map_err(|error: TxError<Refusal>| Problem::from(error))?;
        let by_id: HashMap<ProductId, Product> = found
            .into_iter()
            .map(|product| (product.id, product))
            .collect();
        Ok(ids.iter().filter_map(|id| by_id.get(id).cloned()).collect())
    }
}
