//! `PUT /order/payOrder/{orderId}`: pays an order, or gives it up. Original: `OrderController.payOrder`, which took any
//! order in any state. Idempotent: a second call is 406.

use std::sync::Arc;

use axum::extract::State;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use mall_auth::Shopper;
use mall_problem::{Answer, Body, FieldErrors, Lang, Path};
use mall_types::OrderId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::pay::{Choice, Done, pay};
use crate::app::to_the_end;
use crate::messages;
use crate::state::Orders;

/// What the shopper, and the simulated provider, do.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PayOrderRequest {
    /// Give the order up instead of paying it.
    #[schema(required)]
    is_canceled: Option<bool>,
    /// The simulated provider declines. Not needed with `isCanceled`.
    is_limit_excess: Option<bool>,
}

/// Pays an order.
#[utoipa::path(
    put,
    path = "/order/payOrder/{orderId}",
    tag = "orders",
    params(("orderId" = i64, Path, description = "The order")),
    request_body = PayOrderRequest,
    responses(
        (status = 200, description = "Paid, or cancelled as asked", body = String, content_type = "text/plain"),
        (status = 400, description = "INVALID_FIELDS"),
        (status = 404, description = "ORDER_NOT_FOUND"),
        (status = 406, description = "ORDER_NOT_PAYABLE"),
        (status = 409, description = "PAYMENT_DECLINED (the order is cancelled), PAYMENT_IN_PROGRESS"),
        (status = 503, description = "PAYMENT_UNSETTLED: the outcome is found out and shows in the order"),
    ),
    security(("bearer" = ["USER"]))
)]
pub async fn pay_order(
    State(orders): State<Arc<Orders>>,
    Shopper(shopper): Shopper,
    lang: Lang,
    Path(order): Path<OrderId>,
    Body(request): Body<PayOrderRequest>,
) -> Answer<([(http::HeaderName, HeaderValue); 1], String)> {
    let choice = choice(&request)?;
    let work = async move { pay(&orders, shopper.user, order, choice).await };
    let text = match to_the_end(work).await? {
        Done::Paid => messages::PAID,
        Done::Canceled => messages::PAYMENT_CANCELED,
    };
    let content_type = HeaderValue::from_static("text/plain;charset=UTF-8");
    Ok(([(CONTENT_TYPE, content_type)], text.pick(lang).to_owned()))
}

fn choice(request: &PayOrderRequest) -> Answer<Choice> {
    let mut errors = FieldErrors::new();
    match (
        errors.required("isCanceled", request.is_canceled),
        request.is_limit_excess,
    ) {
        (Some(true), _) => Ok(Choice::Cancel),
        (Some(false), Some(limit_excess)) => Ok(Choice::Pay { limit_excess }),
        (_, limit_excess) => {
            errors.required("isLimitExcess", limit_excess);
            Err(errors.problem())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        is_canceled: Option<bool>,
        is_limit_excess: Option<bool>,
    ) -> Result<Choice, Vec<String>> {
        choice(&PayOrderRequest {
            is_canceled,
            is_limit_excess,
        })
        .map_err(|problem| {
            problem
                .fields()
                .iter()
                .map(|error| error.field.clone())
                .collect()
        })
    }

    #[test]
    fn switches_that_are_needed_are_named() {
        assert_eq!(read(Some(true), None), Ok(Choice::Cancel));
        assert_eq!(read(Some(true), Some(true)), Ok(Choice::Cancel));
        assert_eq!(
            read(Some(false), Some(true)),
            Ok(Choice::Pay { limit_excess: true })
        );
        assert_eq!(read(Some(false), None), Err(vec!["isLimitExcess".into()]));
        assert_eq!(read(None, Some(false)), Err(vec!["isCanceled".into()]));
        assert_eq!(
            read(None, None),
            Err(vec!["isCanceled".into(), "isLimitExcess".into()])
        );
    }
}
