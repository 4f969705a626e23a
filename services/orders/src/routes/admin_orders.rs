//! `GET /admin/orders`: everybody's orders, listed and searched. New: the original has no such call.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use mall_auth::Admin;
use mall_problem::{Answer, FieldErrors, Query};
use mall_types::{OrderId, ProductId, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::shown::{AdminPage, admin_entry};
use super::{asked, audit};
use crate::app::view::{self, Page};
use crate::state::Orders;
use crate::store::search::Search;

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AdminOrdersQuery {
    /// `WAITING_PAYING`, `ORDER_COMPLETE`, ...
    state: Option<String>,
    /// An id: orders with this product.
    product: Option<String>,
    /// An id: orders of this user.
    buyer: Option<String>,
    /// Placed then or later: `2027-05-01T10:00`, in the mall's zone unless it has an offset.
    from: Option<String>,
    /// Placed before then.
    to: Option<String>,
    /// Entries of a page, 1 to 200; 50 when absent.
    limit: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Lists orders that fit all conditions, newest first (by number).
#[utoipa::path(
    get,
    path = "/admin/orders",
    tag = "admin",
    params(AdminOrdersQuery),
    responses(
        (status = 200, description = "The orders", body = AdminPage),
        (status = 400, description = "INVALID_FIELDS: an unknown state, no time, no cursor; INVALID_QUERY: an unknown parameter"),
    ),
    security(("bearer" = ["ADMIN"]))
)]
pub async fn admin_orders(
    State(orders): State<Arc<Orders>>,
    Admin(admin): Admin,
    Query(query): Query<AdminOrdersQuery>,
) -> Answer<Json<AdminPage>> {
    let (search, page) = read(&orders, &query)
        .inspect_err(|problem| audit::refused("order.search", admin.user, None, problem))?;
    let (found, more) = view::find(&orders, search, page).await?;
    let next = found.last().filter(|_| more).map(|last| last.id);
    let orders = found
        .into_iter()
        .map(|order| admin_entry(order, orders.zone))
        .collect();
    Ok(Json(AdminPage { orders, next }))
}

fn read(orders: &Orders, query: &AdminOrdersQuery) -> Answer<(Search, Page)> {
    let mut errors = FieldErrors::new();
    let search = Search {
        state: asked::state(&mut errors, "state", query.state.as_deref()),
        product: asked::number(&mut errors, "product", query.product.as_deref()).map(ProductId),
        buyer: asked::number(&mut errors, "buyer", query.buyer.as_deref()).map(UserId),
        from: asked::time(&mut errors, orders.zone, "from", query.from.as_deref()),
        to: asked::time(&mut errors, orders.zone, "to", query.to.as_deref()),
    };
    let page = asked::page(&mut errors, query.limit.as_deref(), query.after.as_deref());
    errors.finish()?;
    debug_assert!(page.after.is_none_or(|OrderId(after)| after >= 1));
    Ok((search, page))
}
