//! `GET /admin/payments/{orderId}`: the payment of any order, with all that was tried. New: the original has no such call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_clock::Zone;
use mall_payments_api::{PaymentState, RefundState};
use mall_problem::{Answer, Path};
use mall_types::{OrderId, UserId, Won};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::payment::{Kept, kept};
use crate::state::Payments;

/// A payment as admins see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentDetail {
    /// The order.
    order_id: OrderId,
    /// Who pays.
    user_id: UserId,
    /// How much, in whole KRW.
    amount: Won,
    /// How far it is.
    state: PaymentState,
    /// Why it was declined, or the last code while it is unknown.
    reason: Option<String>,
    /// Who moves the money.
    provider: String,
    /// The provider's name for the charge.
    provider_reference: Option<String>,
    /// When it was first asked for.
    created_at: String,
    /// Since when it is known.
    settled_at: Option<String>,
    /// What was given back, or is to be: at most one.
    refunds: Vec<RefundDetail>,
    /// The latest calls of the provider, the newest first; at most 100.
    attempts: Vec<AttemptDetail>,
}

/// A refund as admins see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefundDetail {
    /// The id that orders gave it.
    refund_id: String,
    /// How much, in whole KRW.
    amount: Won,
    /// How far it is.
    state: RefundState,
    /// The last code while it is unknown.
    reason: Option<String>,
    /// When it was first asked for.
    created_at: String,
    /// Since when the money is back.
    settled_at: Option<String>,
}

/// A call of the provider.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptDetail {
    /// `CHARGE`, `FIND`, `REFUND`, `FIND_REFUND`.
    kind: String,
    /// `CALL`, `JOB`, `WEBHOOK`.
    asked_by: String,
    /// The key that was sent along.
    idempotency_key: String,
    /// When it began.
    started_at: String,
    /// When it was over; absent: this program died meanwhile, or it is under way.
    ended_at: Option<String>,
    /// `CAPTURED`, `DECLINED`, `REFUNDED`, `NOT_REFUNDED`, `OPEN`, `NOT_FOUND`, `UNKNOWN`.
    outcome: Option<String>,
    /// The provider's code, or ours for what went wrong on the way.
    code: Option<String>,
}

/// Shows the payment of any order, with its refund and all calls of the provider.
#[utoipa::path(
    get,
    path = "/admin/payments/{orderId}",
    tag = "admin",
    params(("orderId" = i64, Path, description = "The order")),
    responses(
        (status = 200, description = "The payment", body = PaymentDetail),
        (status = 404, description = "PAYMENT_UNKNOWN"),
    ),
    security(("bearer" = ["ADMIN"]))
)]
pub async fn admin_payment(
    State(payments): State<Arc<Payments>>,
    _admin: Admin,
    Path(order): Path<OrderId>,
) -> Answer<Json<PaymentDetail>> {
    let found = kept(&payments, order).await?;
    Ok(Json(detail(found, payments.zone)))
}

fn detail(kept: Kept, zone: Zone) -> PaymentDetail {
    let (payment, at) = (kept.payment, |time| zone.show(time));
    let refund = |refund: crate::store::refunds::RefundRow| RefundDetail {
        refund_id: refund.refund_id,
        amount: refund.amount,
        state: refund.state,
        reason: refund.reason,
        created_at: at(refund.created_at),
        settled_at: refund.settled_at.map(at),
    };
    let attempt = |attempt: crate::store::attempts::AttemptRow| AttemptDetail {
        kind: attempt.kind,
        asked_by: attempt.asked_by,
        idempotency_key: attempt.idempotency_key,
        started_at: at(attempt.started_at),
        ended_at: attempt.ended_at.map(at),
        outcome: attempt.outcome,
        code: attempt.code,
    };
    PaymentDetail {
        order_id: payment.order,
        user_id: payment.user,
        amount: payment.amount,
        state: payment.state,
        reason: payment.reason,
        provider: payment.provider,
        provider_reference: payment.provider_ref,
        created_at: at(payment.created_at),
        settled_at: payment.settled_at.map(at),
        refunds: kept.refund.into_iter().map(refund).collect(),
        attempts: kept.attempts.into_iter().map(attempt).collect(),
    }
}
