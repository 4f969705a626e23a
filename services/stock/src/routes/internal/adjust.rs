//! `POST /internal/stock/items/{productId}/adjust`: sets or changes what is available. Asked by products for admins.
//! Idempotent by `adjustmentId`.

use axum::Json;
use axum::extract::State;
use mall_auth::PeerService;
use mall_problem::{Answer, Body, FieldErrors, Path, Problem};
use mall_stock_api::{Adjust, Available};
use mall_types::ProductId;

use super::check_adjustment_id;
use crate::app::adjust::Change;
use crate::app::to_the_end;
use crate::domain::MAX_PIECES;
use crate::messages;
use crate::state::SharedStock;
use crate::store::adjustments::Asked;

/// Changes what is available of a product.
#[utoipa::path(
    post,
    path = "/internal/stock/items/{productId}/adjust",
    tag = "internal",
    params(("productId" = i64, Path, description = "The product")),
    request_body = Adjust,
    responses(
        (status = 200, body = Available),
        (status = 400, description = "A field is not acceptable"),
        (status = 401, description = "No service identity"),
        (status = 404, description = "STOCK_UNKNOWN"),
        (status = 409, description = "STOCK_BELOW_ZERO, STOCK_TOO_LARGE, ADJUSTMENT_MISMATCH"),
        (status = 503, description = "LOCK_TIMEOUT, STOCK_UNAVAILABLE"),
    ),
)]
pub async fn adjust(
    State(stock): State<SharedStock>,
    _: PeerService,
    Path(product_id): Path<ProductId>,
    Body(change): Body<Adjust>,
) -> Answer<Json<Available>> {
    let asked = read(&change)?;
    let change = Change {
        product: product_id,
        adjustment: change.adjustment_id,
        asked,
        known_as: None,
    };
    let available = to_the_end(async move { stock.adjust(change).await }).await?;
    Ok(Json(Available {
        product_id,
        available,
    }))
}

fn read(change: &Adjust) -> Result<Asked, Problem> {
    let mut errors = FieldErrors::new();
    check_adjustment_id(&mut errors, &change.adjustment_id);
    let asked = match (change.set, change.change) {
        (Some(set), None) => {
            errors.check(
                (0..=MAX_PIECES).contains(&set),
                "set",
                messages::BAD_AVAILABLE,
            );
            Asked::Set(set)
        }
        (None, Some(by)) => {
            errors.check(
                by != 0 && (-MAX_PIECES..=MAX_PIECES).contains(&by),
                "change",
                messages::BAD_CHANGE,
            );
            Asked::Change(by)
        }
        _ => {
            errors.add("set", messages::SET_OR_CHANGE);
            Asked::Set(0)
        }
    };
    errors.finish()?;
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(id: &str, set: Option<i64>, change: Option<i64>) -> Result<Asked, Vec<String>> {
        read(&Adjust {
            adjustment_id: id.into(),
            set,
            change,
        })
        .map_err(|problem| {
            problem
                .fields()
                .iter()
                .map(|field| field.field.clone())
                .collect()
        })
    }

    #[test]
    fn exactly_one_of_set_and_change_and_both_bounded() {
        assert_eq!(read_of("a", Some(0), None), Ok(Asked::Set(0)));
        assert_eq!(read_of("a", None, Some(-3)), Ok(Asked::Change(-3)));
        assert_eq!(read_of("a", Some(1), Some(1)), Err(vec!["set".into()]));
        assert_eq!(read_of("a", None, None), Err(vec!["set".into()]));
        assert_eq!(read_of("a", Some(-1), None), Err(vec!["set".into()]));
        assert_eq!(read_of("a", None, Some(0)), Err(vec!["change".into()]));
        assert_eq!(
            read_of("a", None, Some(i64::MIN)),
            Err(vec!["change".into()])
        );
        assert_eq!(
            read_of("", Some(MAX_PIECES + 1), None),
            Err(vec!["adjustmentId".into(), "set".into()])
        );
    }
}
