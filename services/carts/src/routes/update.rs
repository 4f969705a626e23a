//! `PUT /cart/update/{cartId}?count=`: changes the count of a line of the caller's cart. Original:
//! `CartController.updateCart`, which took anybody's line and any count. Idempotent.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done, Lang, Path, Query, done};
use mall_types::CartId;

use super::count::CountParams;
use crate::{State, app, messages};

/// Changes the count of a cart line.
#[utoipa::path(
    put,
    path = "/cart/update/{cartId}",
    tag = "carts",
    params(("cartId" = i64, Path, description = "The line"), CountParams),
    responses(
        (status = 200, body = Done),
        (status = 400, description = "`count` absent or not a whole number from 1 to the maximum"),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 404, description = "CART_LINE_NOT_FOUND: unknown, or somebody else's"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn update(
    App(state): App<State>,
    Shopper(shopper): Shopper,
    Path(line): Path<CartId>,
    Query(params): Query<CountParams>,
    lang: Lang,
    keyed: Keyed,
) -> Answer<Json<Done>> {
    let count = params.read(state.config.max_count)?;
    let answer = done(lang, &messages::UPDATED);
    app::set_count(&state, shopper.user, (line, count), keyed, &answer).await?;
    Ok(answer)
}
