//! `POST /wish/add/{productId}`: puts a product on the caller's wish list. Original: `WishController.add`, which stored
//! unknown products too. The second time is 409, unless it has the first one's idempotency key.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done, Lang, Path, done};
use mall_types::ProductId;

use crate::{State, app, messages};

/// Adds a product to the wish list.
#[utoipa::path(
    post,
    path = "/wish/add/{productId}",
    tag = "wishes",
    params(("productId" = i64, Path, description = "The product")),
    responses(
        (status = 200, body = Done),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 404, description = "PRODUCT_NOT_FOUND"),
        (status = 409, description = "ALREADY_WISHED, WISH_LIST_FULL"),
        (status = 503, description = "The product service is away"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn wish_add(
    App(state): App<State>,
    Shopper(shopper): Shopper,
    Path(product): Path<ProductId>,
    lang: Lang,
    keyed: Keyed,
) -> Answer<Json<Done>> {
    let answer = done(lang, &messages::WISH_ADDED);
    app::add_wish(&state, shopper.user, product, keyed, &answer).await?;
    Ok(answer)
}
