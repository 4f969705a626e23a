//! `PUT /product/admin/edit/{productId}`: changes a product. Original: `ProductAdminController.editProduct`. Repeating it
//! without an idempotency key adds its picture again.

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Body, Done, Lang, Path, done};
use mall_types::ProductId;

use crate::domain::EditProduct;
use crate::messages;
use crate::state::Products;

/// Changes a product; absent, null and 0 leave things as they are.
#[utoipa::path(
    put,
    path = "/product/admin/edit/{productId}",
    tag = "products",
    params(("productId" = i64, Path, description = "The product")),
    request_body = EditProduct,
    responses(
        (status = 200, body = Done),
        (status = 400, description = "INVALID_FIELDS names every field that is not acceptable"),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not an admin"),
        (status = 404, description = "PRODUCT_NOT_FOUND"),
        (status = 503, description = "`stock` was given and the stock service is away; nothing changed"),
    ),
    security(("bearer" = ["ADMIN"])),
)]
pub async fn edit(
    State(products): State<Products>,
    _: Admin,
    lang: Lang,
    keyed: Keyed,
    Path(product_id): Path<ProductId>,
    Body(request): Body<EditProduct>,
) -> Answer<Json<Done>> {
    let (edit, stock) = request.check()?;
    let answer = done(lang, &messages::EDITED);
    products
        .edit(product_id, edit, stock, keyed, &answer)
        .await?;
    Ok(answer)
}
