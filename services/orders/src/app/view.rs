//! Looking at orders.

use std::convert::Infallible;

use mall_db::TxError;
use mall_payments_api::{PAYMENT_UNKNOWN, Payment};
use mall_problem::Problem;
use mall_types::{OrderId, UserId};

use crate::error;
use crate::state::Orders;
use crate::store::search::{self, Numbers, Search};
use crate::store::steps::{self, OrderRow};
use crate::store::views::{self, OrderView, Step};

/// A part of a list, keyset-paged: from behind an order on, so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The last order of the page before.
    pub after: Option<OrderId>,
    pub limit: u32,
}

/// A shopper's orders, newest first, without unpaid ones; all of them, or a part.
pub async fn list(
    app: &Orders,
    user: UserId,
    page: Option<Page>,
) -> Result<Vec<OrderView>, Problem> {
    let orders = app.db.read("order_list", move |conn| {
        Box::pin(async move {
            Ok::<_, TxError<Infallible>>(match page {
                None => views::list(conn, user).await?,
                Some(Page { after, limit }) => {
                    let after = after.unwrap_or(OrderId(i64::MAX));
                    views::page(conn, user, after, limit).await?
                }
            })
        })
    });
    Ok(orders.await?)
}

/// Everybody's orders that fit, newest first, and whether there are more behind these.
pub async fn find(
    app: &Orders,
    search: Search,
    page: Page,
) -> Result<(Vec<OrderView>, bool), Problem> {
    let found = app.db.read("order_search", move |conn| {
        Box::pin(async move {
            let mut numbers = Numbers {
                least: 1,
                most: page.after.map_or(i64::MAX, |after| after.0 - 1),
            };
            if let Some(from) = search.from {
                match search::least_from(conn, from).await? {
                    Some(least) => numbers.least = least,
                    None => return Ok(Vec::new()),
                }
            }
            if let Some(to) = search.to {
                match search::most_before(conn, to).await? {
                    Some(most) => numbers.most = numbers.most.min(most),
                    None => return Ok(Vec::new()),
                }
            }
            // One more than shown tells whether there are more.
            Ok::<_, TxError<Infallible>>(
                search::search(conn, &search, numbers, page.limit + 1).await?,
            )
        })
    });
    let mut orders = found.await?;
    let more = orders.len() > page.limit as usize;
    orders.truncate(page.limit as usize);
    Ok((orders, more))
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

/// What payments says of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentView {
    /// This.
    Known(Box<Payment>),
    /// That there is none.
    None,
    /// Nothing: it is away, or refuses to say.
    Unavailable,
}

/// Asks payments about an order. That it is away costs only this part of the answer.
pub async fn payment(app: &Orders, order: OrderId) -> PaymentView {
    match app.peers.payments.payment(order).await {
        Ok(payment) => PaymentView::Known(Box::new(payment)),
        Err(error) if error.code() == Some(PAYMENT_UNKNOWN) => PaymentView::None,
        Err(error) => {
            tracing::warn!(order.id = order.0, error = %error, "order is shown without its payment");
            PaymentView::Unavailable
        }
    }
}

/// The row of an order: a shopper's own, or anybody's.
pub async fn row(app: &Orders, order: OrderId, user: Option<UserId>) -> Result<OrderRow, Problem> {
    let found = app.db.read("order_row", move |conn| {
        Box::pin(
            async move { Ok::<_, TxError<Infallible>>(steps::order(conn, order, user).await?) },
        )
    });
    found.await?.ok_or_else(error::not_found)
}
