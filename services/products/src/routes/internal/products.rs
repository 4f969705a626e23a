//! `GET /internal/products?ids=`: products as carts, orders and wish lists need them. Original: `GET /product?productId=`.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Problem, Query};
use mall_products_api::{MAX_IDS, ProductView};
use mall_types::{ProductId, id_list};
use serde::Deserialize;

use crate::domain::Product;
use crate::messages;
use crate::state::Products;

/// Which products.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Ids {
    /// Ids with commas between; unknown ones are left out of the answer.
    ids: String,
}

/// Shows products in the order asked.
#[utoipa::path(
    get,
    path = "/internal/products",
    tag = "internal",
    params(Ids),
    responses(
        (status = 200, body = [ProductView]),
        (status = 400, description = "An id is no number, or there are too many"),
        (status = 401, description = "No service identity"),
    ),
)]
pub async fn products(
    State(products): State<Products>,
    _: PeerService,
    Query(Ids { ids }): Query<Ids>,
) -> Answer<Json<Vec<ProductView>>> {
    let ids: Vec<ProductId> = id_list(&ids, MAX_IDS).ok_or_else(|| {
        Problem::invalid("INVALID_QUERY", messages::BAD_IDS).with_field("ids", messages::BAD_IDS)
    })?;
    let found = products.some(ids).await?;
    products.faults.reach("products.read").await;
    Ok(Json(found.into_iter().map(view).collect()))
}

fn view(product: Product) -> ProductView {
    let is_limited_edition = product.is_limited();
    let (img_url, img_name) = product
        .thumb
        .map_or((None, None), |thumb| (Some(thumb.url), thumb.name));
    ProductView {
        product_id: product.id,
        name: product.name,
        price: product.price,
        img_url,
        img_name,
        is_limited_edition,
        open_date_time: product.opens,
        purchase_limit: product.limit,
    }
}
