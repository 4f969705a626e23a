//! `PUT /internal/stock/items/{productId}`: makes a product known, books its first supply, or renames it and
//! changes its opening and limit. Asked by products.
//! Idempotent by `adjustmentId`.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Body, FieldErrors, Path, Problem};
use mall_stock_api::{Available, RegisterItem};
use mall_types::ProductId;

use super::check_adjustment_id;
use crate::app::adjust::Change;
use crate::app::to_the_end;
use crate::domain::{Facts, MAX_PIECES};
use crate::messages;
use crate::state::SharedStock;
use crate::store::adjustments::Asked;

/// Makes a product known to stock.
#[utoipa::path(
    put,
    path = "/internal/stock/items/{productId}",
    tag = "internal",
    params(("productId" = i64, Path, description = "The product")),
    request_body = RegisterItem,
    responses(
        (status = 200, body = Available),
        (status = 400, description = "A field is not acceptable"),
        (status = 401, description = "No service identity"),
        (status = 409, description = "ADJUSTMENT_MISMATCH, STOCK_TOO_LARGE"),
        (status = 503, description = "LOCK_TIMEOUT, STOCK_UNAVAILABLE"),
    ),
)]
pub async fn register(
    State(stock): State<SharedStock>,
    _: PeerService,
    Path(product_id): Path<ProductId>,
    Body(item): Body<RegisterItem>,
) -> Answer<Json<Available>> {
    check(&item)?;
    let facts = Facts {
        opens: item.open_date_time,
        limit: item.purchase_limit,
    };
    let available = match item.available {
        None => to_the_end(async move { stock.rename(product_id, item.name, facts).await }).await?,
        Some(supply) => {
            let change = Change {
                product: product_id,
                adjustment: item.adjustment_id,
                asked: Asked::Supply(supply),
                known_as: Some((item.name, facts)),
            };
            to_the_end(async move { stock.adjust(change).await }).await?
        }
    };
    Ok(Json(Available {
        product_id,
        available,
    }))
}

fn check(item: &RegisterItem) -> Result<(), Problem> {
    let mut errors = FieldErrors::new();
    errors.check(
        (1..=255).contains(&item.name.chars().count()),
        "name",
        messages::BAD_NAME,
    );
    check_adjustment_id(&mut errors, &item.adjustment_id);
    let fits = item
        .available
        .is_none_or(|pieces| (0..=MAX_PIECES).contains(&pieces));
    errors.check(fits, "available", messages::BAD_AVAILABLE);
    let sensible = item
        .purchase_limit
        .is_none_or(|limit| (1..=MAX_PIECES).contains(&limit));
    errors.check(sensible, "purchaseLimit", messages::BAD_LIMIT);
    errors.finish()
}
