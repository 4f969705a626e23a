//! Orders as clients see them.

use chrono::{DateTime, SubsecRound, Utc};
use mall_clock::Zone;
use mall_types::{OrderId, ProductId, Won};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::views::{LineView, OrderView, Step};

/// The answer to an order that was placed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlacedOrder {
    pub order_id: OrderId,
}

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
    let history = history
        .into_iter()
        .map(|step| HistoryEntry {
            order_status: step.status.as_str(),
            at: time(zone, step.at),
            cause: step.cause,
        })
        .collect();
    OrderDetail {
        entry: entry(order, zone),
        history,
    }
}
