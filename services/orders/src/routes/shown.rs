//! Orders as clients see them.

use chrono::{DateTime, SubsecRound, Utc};
use mall_clock::Zone;
use mall_outbox::DeadLetter;
use mall_payments_api::{Payment, PaymentState, RefundState};
use mall_types::{OrderId, ProductId, UserId, Won};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::view::PaymentView;
use crate::store::views::{LineView, OrderView, Step};

/// An entry of the order list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderEntry {
    pub order_id: OrderId,
    /// ISO-8601 with the mall's offset.
    pub order_date: String,
    pub order_status: &'static str,
    pub order_product_list: Vec<OrderProduct>,
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderProduct {
    pub count: i64,
    /// The name when the order was placed.
    pub product_name: String,
    /// The price of one piece when the order was placed, in KRW.
    pub price: Won,
    pub product_id: ProductId,
}

/// An entry with what happened to the order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderDetail {
    #[serde(flatten)]
    pub entry: OrderEntry,
    /// Oldest first.
    pub history: Vec<HistoryEntry>,
}

/// A step in an order's life.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    pub order_status: &'static str,
    /// ISO-8601 with the mall's offset.
    pub at: String,
    /// Why: `PLACED`, `PAID`, `PAYMENT_DECLINED`, ...
    pub cause: String,
}

/// An order as admins see it in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminEntry {
    #[serde(flatten)]
    pub entry: OrderEntry,
    /// The buyer.
    pub user_id: UserId,
    /// What it costs, in KRW.
    pub total: Won,
}

/// A page of orders.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminPage {
    /// Newest first.
    pub orders: Vec<AdminEntry>,
    /// `after` of the next page; null on the last.
    pub next: Option<OrderId>,
}

/// An order as admins see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminDetail {
    #[serde(flatten)]
    pub entry: AdminEntry,
    /// What payments says; null when it has none, and when it can't be asked.
    pub payment: Option<PaymentShown>,
    /// `KNOWN`; `NONE`: there is none; `UNAVAILABLE`: payments can't be asked.
    pub payment_source: &'static str,
    /// Oldest first.
    pub history: Vec<AdminStep>,
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentShown {
    pub state: PaymentState,
    /// Why it was declined.
    pub reason: Option<String>,
    /// In KRW.
    pub amount: Won,
    /// When it was first asked for: ISO-8601 with the mall's offset.
    pub created_at: Option<String>,
    /// How far its refund is; null without one.
    pub refund: Option<RefundState>,
}

/// A step with who made it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminStep {
    #[serde(flatten)]
    pub step: HistoryEntry,
    /// The buyer, or an admin; null: time, or the payment.
    pub user_id: Option<UserId>,
    /// An admin's reason, or the provider's.
    pub note: Option<String>,
}

/// A page of dead letters.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterPage {
    /// Oldest first.
    pub dead_letters: Vec<DeadLetterShown>,
    /// `after` of the next page; null on the last.
    pub next: Option<i64>,
}

/// An effect in another service that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterShown {
    pub id: i64,
    /// `stock.confirm`, `stock.release`, `payment.refund`, `cart.remove`.
    pub topic: String,
    /// What it is about: messages of one key are delivered in their order.
    pub key: String,
    /// What the other service is told.
    pub payload: serde_json::Value,
    /// ISO-8601 with the mall's offset.
    pub created_at: String,
    /// Deliveries that failed.
    pub attempts: i32,
    /// What the last one failed of.
    pub last_error: Option<String>,
}

/// Seconds are enough for people, and the form that clients of the original know.
fn time(zone: Zone, time: DateTime<Utc>) -> String {
    zone.show(time.trunc_subsecs(0))
}

pub fn entry(order: OrderView, zone: Zone) -> OrderEntry {
    OrderEntry {
        order_id: order.id,
        order_date: time(zone, order.date),
        order_status: order.status.as_str(),
        order_product_list: order.lines.into_iter().map(product).collect(),
    }
}

fn product(line: LineView) -> OrderProduct {
    OrderProduct {
        count: line.quantity,
        product_name: line.name,
        price: line.price,
        product_id: line.product,
    }
}

pub fn detail((order, history): (OrderView, Vec<Step>), zone: Zone) -> OrderDetail {
    let history = history.into_iter().map(|made| step(made, zone)).collect();
    OrderDetail {
        entry: entry(order, zone),
        history,
    }
}

fn step(step: Step, zone: Zone) -> HistoryEntry {
    HistoryEntry {
        order_status: step.status.as_str(),
        at: time(zone, step.at),
        cause: step.cause,
    }
}

pub fn admin_entry(order: OrderView, zone: Zone) -> AdminEntry {
    AdminEntry {
        user_id: order.user,
        total: order.total,
        entry: entry(order, zone),
    }
}

pub fn admin_detail(
    (order, history): (OrderView, Vec<Step>),
    payment: PaymentView,
    zone: Zone,
) -> AdminDetail {
    let (payment, payment_source) = match payment {
        PaymentView::Known(payment) => (Some(payment_shown(*payment, zone)), "KNOWN"),
        PaymentView::None => (None, "NONE"),
        PaymentView::Unavailable => (None, "UNAVAILABLE"),
    };
    let history = history
        .into_iter()
        .map(|made| AdminStep {
            user_id: made.actor,
            note: made.note.clone(),
            step: step(made, zone),
        })
        .collect();
    AdminDetail {
        entry: admin_entry(order, zone),
        payment,
        payment_source,
        history,
    }
}

fn payment_shown(payment: Payment, zone: Zone) -> PaymentShown {
    PaymentShown {
        state: payment.state,
        reason: payment.reason,
        amount: payment.amount,
        created_at: payment.created_at.map(|at| time(zone, at)),
        refund: payment.refund,
    }
}

pub fn dead_letter(letter: DeadLetter, zone: Zone) -> DeadLetterShown {
    DeadLetterShown {
        id: letter.id,
        topic: letter.topic,
        key: letter.ordering_key,
        payload: serde_json::from_str(&letter.payload)
            .unwrap_or(serde_json::Value::String(letter.payload)),
        created_at: time(zone, letter.created_at),
        attempts: letter.attempts,
        last_error: letter.last_error,
    }
}
