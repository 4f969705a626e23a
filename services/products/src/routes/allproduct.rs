//! `GET /product/allproduct`: the whole catalogue. Original: `ProductController.getAllProduct`.

use axum::Json;
use axum::extract::State;
use mall_problem::Answer;
use mall_types::{ProductId, Won};
use serde::Serialize;

use crate::domain::Product;
use crate::state::Products;

/// A product in the list.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    product_id: ProductId,
    name: String,
    price: Won,
    /// The thumbnail.
    img_url: Option<String>,
    img_name: Option<String>,
}

impl From<Product> for Listed {
    fn from(product: Product) -> Self {
        let (img_url, img_name) = product
            .thumb
            .map_or((None, None), |thumb| (Some(thumb.url), thumb.name));
        Self {
            product_id: product.id,
            name: product.name,
            price: product.price,
            img_url,
            img_name,
        }
    }
}

/// Lists all products.
#[utoipa::path(get, path = "/product/allproduct", tag = "products", responses((status = 200, body = [Listed])))]
pub async fn allproduct(State(products): State<Products>) -> Answer<Json<Vec<Listed>>> {
    let all = products.all().await?;
    Ok(Json(all.into_iter().map(Listed::from).collect()))
}
