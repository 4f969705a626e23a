//! `POST /product/admin/add`: adds a product. Original: `ProductAdminController.addProduct`. Repeating it
//! without an idempotency key adds another one.

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Body, Lang};
use mall_types::ProductId;
use serde::Serialize;

use crate::domain::AddProduct;
use crate::messages;
use crate::state::Products;

/// The new product.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    product_id: ProductId,
    message: String,
}

/// Adds a product.
#[utoipa::path(
    post,
    path = "/product/admin/add",
    tag = "products",
    request_body = AddProduct,
    responses(
        (status = 200, body = Added),
        (status = 400, description = "INVALID_FIELDS names every field that is not acceptable"),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not an admin"),
    ),
    security(("bearer" = ["ADMIN"])),
)]
pub async fn add(
    State(products): State<Products>,
    _: Admin,
    lang: Lang,
    keyed: Keyed,
    Body(request): Body<AddProduct>,
) -> Answer<Json<Added>> {
    let new = request.check(&products.zone)?;
    let answer = move |product_id| Added {
        product_id,
        message: messages::ADDED.pick(lang).to_owned(),
    };
    products.add(new, keyed, answer).await.map(Json)
}
