//! Looking at orders.

use std::convert::Infallible;

use mall_db::TxError;
use mall_problem::Problem;
use mall_types::{OrderId, UserId};

use crate::error;
use crate::state::Orders;
use crate::store::views::{self, OrderView, Step};

/// A shopper's orders, newest first, without unpaid ones.
pub async fn list(app: &Orders, user: UserId) -> Result<Vec<OrderView>, Problem> {
    let orders = app.db.read("order_list", move |conn| {
        Box::pin(async move { Ok::<_, TxError<Infallible>>(views::list(conn, user).await?) })
    });
    Ok(orders.await?)
}

/// One order with its history: a shopper's own, or, for admins, anybody's.
pub async fn one(
    app: &Orders,
    order: OrderId,
    user: Option<UserId>,
) -> Result<(OrderView, Vec<Step>), Problem> {
    let found = app.db.read("order_detail", move |conn| {
        Box::pin(async move {
            let Some(view) = views::one(conn, order, user).await? else {
                return Ok(None);
            };
            let history = views::history(conn, order).await?;
            Ok::<_, TxError<Infallible>>(Some((view, history)))
        })
    });
    found.await?.ok_or_else(error::not_found)
}
