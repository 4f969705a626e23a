//! `PUT /order/payOrder/{orderId}`: pays an order, or gives it up. Original: `OrderController.payOrder`, which took any
//! order in any state. A second call is 406; with the same Idempotency-Key it is answered as the first.

use std::sync::Arc;

use axum::extract::State;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use mall_auth::Shopper;
use mall_idempotency::Keyed;
use mall_payments_api::{Lost, Simulate};
use mall_problem::{Answer, Body, FieldErrors, Lang, Path};
use mall_types::{OrderId, Won};
use serde::Deserialize;
use utoipa::ToSchema;

use super::audit;
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
    /// What the provider's payment window gave the shopper, for a provider that has one.
    #[schema(max_length = 200)]
    payment_key: Option<String>,
    /// What the payment window showed, in whole KRW; another one than the order's total is refused.
    amount: Option<i64>,
    /// The simulated provider takes so many milliseconds, where `mall.payments.simulated.obey-calls` lets it.
    #[schema(maximum = 10000)]
    delay_ms: Option<u32>,
    /// `REQUEST` or `ANSWER`: the simulated provider loses it, so that the outcome is unknown at first; as with `delayMs`.
    lose: Option<String>,
}

/// Most milliseconds that the simulated provider can be made to take.
const MAX_DELAY: u32 = 10_000;

/// Pays an order.
#[utoipa::path(
    put,
    path = "/order/payOrder/{orderId}",
    tag = "orders",
    params(("orderId" = i64, Path, description = "The order")),
    request_body = PayOrderRequest,
    responses(
        (status = 200, description = "Paid, or cancelled as asked", body = String, content_type = "text/plain"),
        (status = 202, description = "To be given up: a payment of unknown outcome is under way, and when it is known the order is cancelled, or its cancellation requested", body = String, content_type = "text/plain"),
        (status = 400, description = "INVALID_FIELDS, PAYMENT_KEY_REQUIRED (the order can still be paid)"),
        (status = 404, description = "ORDER_NOT_FOUND"),
        (status = 406, description = "ORDER_NOT_PAYABLE"),
        (status = 409, description = "PAYMENT_DECLINED (the order is cancelled), PAYMENT_IN_PROGRESS, PAYMENT_KEY_USED and PAYMENT_AMOUNT_MISMATCH (the order can still be paid)"),
        (status = 503, description = "PAYMENT_UNSETTLED: the outcome is found out and shows in the order"),
    ),
    security(("bearer" = ["USER"]))
)]
pub async fn pay_order(
    State(orders): State<Arc<Orders>>,
    Shopper(shopper): Shopper,
    lang: Lang,
    Path(order): Path<OrderId>,
    keyed: Keyed,
    Body(request): Body<PayOrderRequest>,
) -> Answer<(StatusCode, [(HeaderName, HeaderValue); 1], String)> {
    let user = shopper.user;
    let refused = |problem: &_| audit::refused("order.pay", user, Some(order), problem);
    let choice = choice(request).inspect_err(refused)?;
    let effect = keyed.0.map(|attempt| attempt.effect.to_string());
    let work = async move { pay(&orders, user, order, choice, effect).await };
    let done = to_the_end(work).await.inspect_err(refused)?;
    let (status, text) = match done {
        Done::Paid => (StatusCode::OK, messages::PAID),
        Done::Canceled => (StatusCode::OK, messages::PAYMENT_CANCELED),
        Done::Noted => (StatusCode::ACCEPTED, messages::CANCEL_NOTED),
    };
    let content_type = HeaderValue::from_static("text/plain;charset=UTF-8");
    let text = text.pick(lang).to_owned();
    Ok((status, [(CONTENT_TYPE, content_type)], text))
}

fn choice(request: PayOrderRequest) -> Answer<Choice> {
    let mut errors = FieldErrors::new();
    let is_canceled = errors.required("isCanceled", request.is_canceled);
    if is_canceled != Some(true) {
        errors.required("isLimitExcess", request.is_limit_excess);
    }
    let key = request.payment_key.as_deref();
    errors.check(
        key.is_none_or(is_key),
        "paymentKey",
        messages::BAD_PAYMENT_KEY,
    );
    let delay = request.delay_ms.unwrap_or(0);
    errors.check(delay <= MAX_DELAY, "delayMs", messages::DELAY_TOO_LONG);
    let lose = match request.lose.as_deref() {
        None => None,
        Some("REQUEST") => Some(Lost::Request),
        Some("ANSWER") => Some(Lost::Answer),
        Some(_) => {
            errors.add("lose", messages::BAD_LOSE);
            None
        }
    };
    errors.finish()?;
    if is_canceled == Some(true) {
        return Ok(Choice::Cancel);
    }
    Ok(Choice::Pay {
        payment_key: request.payment_key,
        amount: request.amount.map(Won),
        simulate: Simulate {
            limit_exceeded: request.is_limit_excess == Some(true),
            delay_ms: request.delay_ms,
            lose,
        },
    })
}

/// As payments wants it.
fn is_key(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=200).contains(&text.len()) && text.bytes().all(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(is_canceled: Option<bool>, is_limit_excess: Option<bool>) -> PayOrderRequest {
        PayOrderRequest {
            is_canceled,
            is_limit_excess,
            payment_key: None,
            amount: None,
            delay_ms: None,
            lose: None,
        }
    }

    fn read(request: PayOrderRequest) -> Result<Choice, Vec<String>> {
        choice(request).map_err(|problem| {
            let fields = problem.fields().iter();
            fields.map(|error| error.field.clone()).collect()
        })
    }

    fn pays(payment_key: Option<&str>, simulate: Simulate) -> Result<Choice, Vec<String>> {
        Ok(Choice::Pay {
            payment_key: payment_key.map(str::to_owned),
            amount: None,
            simulate,
        })
    }

    #[test]
    fn switches_that_are_needed_are_named() {
        let excess = Simulate {
            limit_exceeded: true,
            ..Simulate::default()
        };
        assert_eq!(read(request(Some(true), None)), Ok(Choice::Cancel));
        assert_eq!(read(request(Some(true), Some(true))), Ok(Choice::Cancel));
        assert_eq!(read(request(Some(false), Some(true))), pays(None, excess));
        assert_eq!(
            read(request(Some(false), None)),
            Err(vec!["isLimitExcess".into()])
        );
        assert_eq!(
            read(request(None, Some(false))),
            Err(vec!["isCanceled".into()])
        );
        assert_eq!(
            read(request(None, None)),
            Err(vec!["isCanceled".into(), "isLimitExcess".into()])
        );
    }

    #[test]
    fn what_only_providers_look_at_is_read_strictly() {
        let paid = || request(Some(false), Some(false));
        let full = PayOrderRequest {
            payment_key: Some("tgen_2026-A".into()),
            delay_ms: Some(MAX_DELAY),
            lose: Some("ANSWER".into()),
            ..paid()
        };
        let simulate = Simulate {
            limit_exceeded: false,
            delay_ms: Some(MAX_DELAY),
            lose: Some(Lost::Answer),
        };
        assert_eq!(read(full), pays(Some("tgen_2026-A"), simulate));
        for key in ["", "a b", "é", &"k".repeat(201)] {
            let bad = PayOrderRequest {
                payment_key: Some(key.to_owned()),
                ..paid()
            };
            assert_eq!(read(bad), Err(vec!["paymentKey".into()]), "{key:?}");
        }
        let bad = PayOrderRequest {
            delay_ms: Some(MAX_DELAY + 1),
            lose: Some("both".into()),
            ..paid()
        };
        assert_eq!(read(bad), Err(vec!["delayMs".into(), "lose".into()]));
    }
}
