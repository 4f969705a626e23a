//! `GET /internal/stock?ids=`: what is available of several products. Asked by products for its detail page.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Problem, Query};
use mall_stock_api::{Available, MAX_IDS};
use mall_types::ProductId;
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
    let ids = read(&ids).ok_or_else(|| {
        Problem::invalid("INVALID_QUERY", messages::BAD_IDS).with_field("ids", messages::BAD_IDS)
    })?;
    Ok(Json(stock.available(&ids).await?))
}

fn read(text: &str) -> Option<Vec<ProductId>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let ids: Vec<ProductId> = text
        .split(',')
        .map(|id| id.trim().parse().ok())
        .collect::<Option<_>>()?;
    (ids.len() <= MAX_IDS).then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_strictly() {
        assert_eq!(
            read("3, 1,3"),
            Some(vec![ProductId(3), ProductId(1), ProductId(3)])
        );
        assert_eq!(read(""), Some(Vec::new()));
        for bad in ["a", "1,", ",1", "1;2", "99999999999999999999"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(&vec!["1"; MAX_IDS + 1].join(",")), None);
    }
}
