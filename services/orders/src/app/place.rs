//! Placing an order.
//!
//! Products are asked, then stock, then the order is written. Between stock's yes and the order's commit the reservation has
//! no order; the row in `order_intent`, written before stock is asked, stands for it. The order's transaction takes that row
//! away, and so does whoever gives the reservation back: only one of them can. So a crash at any point leaves either the
//! whole order, or an intent that the job `orders.intents` turns into a release.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Instant;

use mall_db::{TxError, is_duplicate};
use mall_http_client::CallError;
use mall_problem::Problem;
use mall_stock_api::{Reserve, ReserveLine};
use mall_types::{CartId, OrderId, ProductId, UserId, Won};

use super::step;
use crate::deliver::{CART_REMOVE, CartMessage, STOCK_RELEASE};
use crate::domain::line::{self, Line, Offer, Wanted};
use crate::domain::status::{PLACED, Status};
use crate::error;
use crate::state::Orders;
use crate::store::{history, intents, lines, orders};

/// Why nothing was placed.
#[derive(Debug)]
pub enum NotPlaced {
    /// One of the cart lines is in another order already.
    CartLineOrdered,
    /// Anything else.
    Refused(Problem),
}

impl From<Problem> for NotPlaced {
    fn from(problem: Problem) -> Self {
        NotPlaced::Refused(problem)
    }
}

/// An order that is there.
#[derive(Debug, Clone, Copy)]
pub struct Placed {
    pub order: OrderId,
    /// The outbox row that empties the cart.
    pub cart_remove: Option<i64>,
}

/// Why the order's transaction was rolled back.
#[derive(Debug)]
enum Refusal {
    CartLineOrdered,
    /// The intent is gone: the reservation was given back.
    IntentGone,
}

/// Places an order with these lines, all or none.
pub async fn place(app: &Orders, buyer: UserId, wanted: &[Wanted]) -> Result<Placed, NotPlaced> {
    // A first look: whoever stands at an empty shelf costs nobody a question. An order that was accepted before is never asked
    // for again here - each has an id of its own.
    if let Some(want) = wanted.iter().find(|want| app.marks.fresh(want.product)) {
        return Err(error::sold_out(want.product).into());
    }
    let (lines, total) = priced(app, wanted).await?;

    let reservation = uuid::Uuid::new_v4().to_string();
    write_intent(app, &reservation, buyer).await?;

    let reserve = Reserve {
        reservation_id: reservation.clone(),
        buyer,
        lines: reserve_lines(&lines),
    };
    let asked = Instant::now();
    if let Err(refusal) = app.peers.stock.reserve(&reserve).await {
        if said_no(&refusal) {
            if let Some(product) = error::said_sold_out(&refusal) {
                app.marks.sold_out(product, asked);
            }
            drop_intent(app, &reservation).await;
        } else {
            // Nobody knows whether stock took them. Giving an unknown reservation back closes its id.
            give_back(app, &reservation).await;
        }
        return Err(error::unreserved(refusal, app.zone).into());
    }

    match write_order(app, buyer, &reservation, lines, total).await {
        Ok(placed) => {
            app.relay.kick();
            app.count(PLACED, 1);
            tracing::info!(
                order.id = placed.order.0,
                "order {} is placed",
                placed.order
            );
            Ok(placed)
        }
        // The commit may have happened: the order, or its intent, is there and tells. Touch nothing.
        Err(error @ TxError::Unknown(_)) => {
            Err(NotPlaced::Refused(error.map(|_| error::too_late()).into()))
        }
        Err(TxError::Refuse(Refusal::IntentGone)) => Err(error::too_late().into()),
        Err(TxError::Refuse(Refusal::CartLineOrdered)) => {
            give_back(app, &reservation).await;
            Err(NotPlaced::CartLineOrdered)
        }
        Err(error @ TxError::Db(_)) => {
            give_back(app, &reservation).await;
            Err(NotPlaced::Refused(error.map(|_| error::too_late()).into()))
        }
    }
}

/// Asks products for names, prices and opening times, and prices the lines.
async fn priced(app: &Orders, wanted: &[Wanted]) -> Result<(Vec<Line>, Won), Problem> {
    let ids: Vec<ProductId> = wanted.iter().map(|want| want.product).collect();
    let views = app
        .peers
        .products
        .products(&ids)
        .await
        .map_err(error::unanswered)?;
    let offers: Vec<Offer> = views
        .into_iter()
        .map(|view| Offer {
            product: view.product_id,
            name: view.name,
            price: view.price,
            limited: view.is_limited_edition,
            opens: view.open_date_time,
        })
        .collect();
    line::price(wanted, &offers, app.clock.now())
        .map_err(|refusal| error::unorderable(refusal, app.zone))
}

/// Each product once, in one order for everybody.
fn reserve_lines(lines: &[Line]) -> Vec<ReserveLine> {
    let mut pieces: BTreeMap<ProductId, i64> = BTreeMap::new();
    for line in lines {
        let sum = pieces.entry(line.product).or_default();
        *sum = sum.saturating_add(line.quantity);
    }
    pieces
        .into_iter()
        .map(|(product_id, quantity)| ReserveLine {
            product_id,
            quantity,
        })
        .collect()
}

/// Stock's own no, after which nothing is reserved. 401, 403 and the like say nothing about the reservation, and neither
/// does a no to the second attempt when the first was lost: another instance may still be about to take it.
fn said_no(error: &CallError) -> bool {
    matches!(error, CallError::Status { problem, .. } if matches!(problem.status, 404 | 409))
        && !error.may_have_happened()
}

async fn write_intent(app: &Orders, reservation: &str, buyer: UserId) -> Result<(), Problem> {
    let (now, reservation) = (app.clock.now(), reservation.to_owned());
    let written = app.db.run_tx("order_intent", move |tx| {
        let reservation = reservation.clone();
        Box::pin(async move {
            Ok::<_, TxError<Infallible>>(intents::insert(tx, now, &reservation, buyer).await?)
        })
    });
    Ok(written.await?)
}

/// Nothing was reserved. When this fails, the job gives a reservation back that never was, which does no harm.
async fn drop_intent(app: &Orders, reservation: &str) {
    let id = reservation.to_owned();
    let dropped = app.db.run_tx("drop_intent", move |tx| {
        let id = id.clone();
        Box::pin(async move { Ok::<_, TxError<Infallible>>(intents::take(tx, &id).await?) })
    });
    if let Err(error) = dropped.await {
        tracing::warn!(reservation.id = reservation, error = %error, "intent is left to the job");
    }
}

/// Takes the intent away and has the reservation given back. When this fails, the job does it.
async fn give_back(app: &Orders, reservation: &str) {
    let (now, id) = (app.clock.now(), reservation.to_owned());
    let given = app.db.run_tx("give_back", move |tx| {
        let id = id.clone();
        Box::pin(async move {
            if intents::take(tx, &id).await? {
                step::stock(tx, now, STOCK_RELEASE, &id).await?;
            }
            Ok::<_, TxError<Infallible>>(())
        })
    });
    match given.await {
        Ok(()) => app.relay.kick(),
        Err(error) => {
            tracing::warn!(reservation.id = reservation, error = %error, "reservation is left to the job");
        }
    }
}

async fn write_order(
    app: &Orders,
    buyer: UserId,
    reservation: &str,
    ordered: Vec<Line>,
    total: Won,
) -> Result<Placed, TxError<Refusal>> {
    let (now, reservation) = (app.clock.now(), reservation.to_owned());
    app.db
        .run_tx("place_order", move |tx| {
            let (reservation, ordered) = (reservation.clone(), ordered.clone());
            Box::pin(async move {
                if !intents::take(tx, &reservation).await? {
                    return Err(TxError::refuse(Refusal::IntentGone));
                }
                let order = orders::insert(tx, now, buyer, &reservation, total).await?;
                match lines::insert(tx, order, &ordered).await {
                    Err(error) if is_duplicate(&error, "uq_order_line_cart") => {
                        return Err(TxError::refuse(Refusal::CartLineOrdered));
                    }
                    other => other?,
                }
                history::insert(tx, now, &[order], Status::WaitingPaying, PLACED).await?;
                let cart_ids: Vec<CartId> = ordered.iter().filter_map(|line| line.cart).collect();
                let cart_remove = if cart_ids.is_empty() {
                    None
                } else {
                    let message = CartMessage {
                        user_id: buyer,
                        cart_ids,
                    };
                    Some(
                        mall_outbox::enqueue(
                            tx,
                            now,
                            CART_REMOVE,
                            &format!("cart:{order}"),
                            &message,
                        )
                        .await?,
                    )
                };
                Ok(Placed { order, cart_remove })
            })
        })
        .await
}
