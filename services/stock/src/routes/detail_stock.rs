//! `GET /product/detailStock/{productId}`: what the shelf shows. Original: `ProductController.getProductStock`.

use axum::Json;
use axum::extract::State;
use mall_problem::{Answer, Path, Problem};
use mall_types::ProductId;
use serde::Serialize;

use crate::domain::Refusal;
use crate::failure::Failure;
use crate::messages;
use crate::state::SharedStock;

/// A product's stock.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DetailStock {
    product_id: ProductId,
    product_name: String,
    /// Pieces that can be ordered.
    stock: i64,
    /// Always false: nothing waits to be written.
    modified: bool,
}

/// Shows what is available of a product.
#[utoipa::path(
    get,
    path = "/product/detailStock/{productId}",
    tag = "stock",
    params(("productId" = i64, Path, description = "The product")),
    responses(
        (status = 200, body = DetailStock),
        (status = 400, description = "The id is no number"),
        (status = 404, description = "PRODUCT_NOT_FOUND"),
        (status = 503, description = "Neither Redis nor MySQL answers"),
    ),
)]
pub async fn detail_stock(
    State(stock): State<SharedStock>,
    Path(product_id): Path<ProductId>,
) -> Answer<Json<DetailStock>> {
    let shown = stock.shown(product_id).await.map_err(problem)?;
    Ok(Json(DetailStock {
        product_id,
        product_name: shown.name,
        stock: shown.available,
        modified: false,
    }))
}

/// To a shopper it is the product that does not exist.
fn problem(failure: Failure) -> Problem {
    match failure {
        Failure::Refused(Refusal::ProductUnknown(_)) => {
            Problem::not_found("PRODUCT_NOT_FOUND", messages::STOCK_UNKNOWN)
        }
        other => other.into(),
    }
}
