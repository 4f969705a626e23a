//! `GET /internal/carts/{userId}`: the lines of a cart, for orders. Read only.

use axum::Json;
use axum::extract::State as App;
use mall_auth::PeerService;
use mall_carts_api::Line;
use mall_problem::{Answer, Path};
use mall_types::UserId;

use crate::{State, app};

/// The lines of a user's cart.
#[utoipa::path(
    get,
    path = "/internal/carts/{userId}",
    tag = "internal",
    params(("userId" = i64, Path, description = "The cart's owner")),
    responses((status = 200, body = Vec<Line>), (status = 401, description = "Not a service of ours")),
    security(("service" = [])),
)]
pub async fn lines(
    App(state): App<State>,
    _peer: PeerService,
    Path(user): Path<UserId>,
) -> Answer<Json<Vec<Line>>> {
    let lines = app::lines(&state, user).await?;
    state.faults.reach("cart.read").await;
    let lines = lines.into_iter().map(|line| Line {
        cart_id: line.id,
        product_id: line.product,
        count: i64::from(line.count),
    });
    Ok(Json(lines.collect()))
}
