//! `POST /cart/add/{productId}?count=`: puts a product into the caller's cart. Original: `CartController.addCart`. The
//! second time is 409, unless it has the first one's idempotency key.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Path, Query};
use mall_types::{CartId, ProductId};
use serde::Serialize;

use super::count::CountParams;
use crate::{State, app};

/// The new line.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Added {
    cart_id: CartId,
}

/// Adds a product to the cart.
#[utoipa::path(
    post,
    path = "/cart/add/{productId}",
    tag = "carts",
    params(("productId" = i64, Path, description = "The product"), CountParams),
    responses(
        (status = 200, body = Added),
        (status = 400, description = "`count` absent or not a whole number from 1 to the maximum"),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 404, description = "PRODUCT_NOT_FOUND"),
        (status = 409, description = "ALREADY_IN_CART, CART_FULL"),
        (status = 503, description = "The product service is away"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn add(
    App(state): App<State>,
    Shopper(shopper): Shopper,
    Path(product): Path<ProductId>,
    Query(params): Query<CountParams>,
    keyed: Keyed,
) -> Answer<Json<Added>> {
    let count = params.read(state.config.max_count)?;
    let line = (product, count);
    app::add(&state, shopper.user, line, keyed, |cart_id| Added {
        cart_id,
    })
    .await
    .map(Json)
}
