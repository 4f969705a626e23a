//! `GET /internal/stock?ids=`: what is available of several products. Asked by products for its detail page.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Problem, Query};
use mall_stock_api::{Available, MAX_IDS};
use mall_types::{ProductId, id_list};
use serde::Deserialize;

use crate::messages;
use crate::state::SharedStock;

/// Which products.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Ids {
    /// Ids with commas between; unknown ones are left out of the answer.
    ids: String,
}

/// Shows what is available.
#[utoipa::path(
    get,
    path = "/internal/stock",
    tag = "internal",
    params(Ids),
    responses(
        (status = 200, body = [Available]),
        (status = 400, description = "An id is no number, or there are too many"),
        (status = 401, description = "No service identity"),
    ),
)]
pub async fn available(
    State(stock): State<SharedStock>,
    _: PeerService,
    Query(Ids { ids }): Query<Ids>,
) -> Answer<Json<Vec<Available>>> {
    let ids: Vec<ProductId> = id_list(&ids, MAX_IDS).ok_or_else(|| {
        Problem::invalid("INVALID_QUERY", messages::BAD_IDS).with_field("ids", messages::BAD_IDS)
    })?;
    Ok(Json(stock.available(&ids).await?))
}
