//! `DELETE /wish/delete/{productId}`: takes a product off the caller's wish list. Original: `WishController.delete`.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done, Lang, Path, done};
use mall_types::ProductId;

use crate::{State, app, messages};

/// Removes a product from the wish list.
#[utoipa::path(
    delete,
    path = "/wish/delete/{productId}",
    tag = "wishes",
    params(("productId" = i64, Path, description = "The product")),
    responses(
        (status = 200, body = Done),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 404, description = "WISH_NOT_FOUND"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn wish_delete(
    App(state): App<State>,
    Shopper(shopper): Shopper,
    Path(product): Path<ProductId>,
    lang: Lang,
    keyed: Keyed,
) -> Answer<Json<Done>> {
    let answer = done(lang, &messages::WISH_DELETED);
    app::delete_wish(&state, shopper.user, product, keyed, &answer).await?;
    Ok(answer)
}
