//! `PUT /product/admin/stock/{productId}`: sets or changes what is available. New: the original could not set 0, nor change
//! relative to what is there. Setting is idempotent.

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Body, Done, Lang, Path, done};
use mall_types::ProductId;

use crate::domain::StockRequest;
use crate::messages;
use crate::state::Products;

/// Sets (`stock`) or changes (`change`) what is available.
#[utoipa::path(
    put,
    path = "/product/admin/stock/{productId}",
    tag = "products",
    params(("productId" = i64, Path, description = "The product")),
    request_body = StockRequest,
    responses(
        (status = 200, body = Done),
        (status = 400, description = "Not exactly one of `stock` (>= 0) and `change` (not 0)"),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not an admin"),
        (status = 404, description = "PRODUCT_NOT_FOUND"),
        (status = 409, description = "STOCK_BELOW_ZERO"),
        (status = 503, description = "The stock service is away; nothing changed"),
    ),
    security(("bearer" = ["ADMIN"])),
)]
pub async fn stock(
    State(products): State<Products>,
    _: Admin,
    lang: Lang,
    keyed: Keyed,
    Path(product_id): Path<ProductId>,
    Body(request): Body<StockRequest>,
) -> Answer<Json<Done>> {
    let change = request.check()?;
    products
        .change_stock(product_id, change, keyed.effect())
        .await?;
    Ok(done(lang, &messages::STOCK_CHANGED))
}
