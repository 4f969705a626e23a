//! `DELETE /cart/delete/{cartId}`: deletes a line of the caller's cart. Original: `CartController.deleteCart`, which took
//! anybody's line.

use axum::Json;
use axum::extract::State as App;
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_problem::{Answer, Done, Lang, Path, done};
use mall_types::CartId;

use crate::{State, app, messages};

/// Deletes a cart line.
#[utoipa::path(
    delete,
    path = "/cart/delete/{cartId}",
    tag = "carts",
    params(("cartId" = i64, Path, description = "The line")),
    responses(
        (status = 200, body = Done),
        (status = 401, description = "Not logged in"),
        (status = 403, description = "Not a shopper"),
        (status = 404, description = "CART_LINE_NOT_FOUND: unknown, or somebody else's"),
    ),
    security(("bearer" = ["USER"])),
)]
pub async fn delete(
    App(state): App<State>,
    Shopper(shopper): Shopper,
    Path(line): Path<CartId>,
    lang: Lang,
    keyed: Keyed,
) -> Answer<Json<Done>> {
    let answer = done(lang, &messages::DELETED);
    app::delete(&state, shopper.user, line, keyed, &answer).await?;
    Ok(answer)
}
