//! `POST /internal/carts/{userId}/remove`: removes lines that were ordered. Idempotent: line ids are never used again.

use axum::Json;
use axum::extract::State as App;
use mall_auth::PeerService;
use mall_carts_api::{Remove, Removed};
use mall_problem::{Answer, Body, Path};
use mall_types::UserId;

use crate::{State, app};

/// Removes lines of a user's cart.
#[utoipa::path(
    post,
    path = "/internal/carts/{userId}/remove",
    tag = "internal",
    params(("userId" = i64, Path, description = "The cart's owner")),
    request_body = Remove,
    responses((status = 200, body = Removed), (status = 401, description = "Not a service of ours")),
    security(("service" = [])),
)]
pub async fn remove(
    App(state): App<State>,
    _peer: PeerService,
    Path(user): Path<UserId>,
    Body(request): Body<Remove>,
) -> Answer<Json<Removed>> {
    let removed = app::remove(&state, user, request.cart_ids).await?;
    Ok(Json(Removed { removed }))
}
